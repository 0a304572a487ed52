//! Time: an event that comes back when it is due.

use envelope::{Envelope, Timestamp};
use ports::{Clock, Timers, Unavailable};

use crate::Message;

/// By how much an event may come too early: this clock and the one that the timer went off by differ.
/// Were another timer set for the rest of the time, the first might still be there, whose name it has.
const EARLY_MS_MAX: u64 = 1_000;

/// Whether the moment of an event has come. If not, the event itself comes again then, sealed as it
/// came.
///
/// # Errors
/// [`Unavailable`]: it is unknown whether the timer is set; the same again does no harm.
pub async fn has_come<T: Timers, C: Clock>(
    timers: &T,
    clock: &C,
    event: &Envelope,
    at: Timestamp,
) -> Result<bool, Unavailable> {
    if at.millis_since(clock.now()) <= EARLY_MS_MAX {
        return Ok(true);
    }
    // The moment is part of the name: should the time be lengthened, the timer that goes off too early
    // then, and may not be gone yet, must not be in the way of the next one.
    let name = format!("{}-{}", event.event_id, at.as_millis());
    timers.set(&name, at, &Message::body_of(event)).await?;
    Ok(false)
}
