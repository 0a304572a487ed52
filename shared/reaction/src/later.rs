//! Time: an event that comes back when it is due.

use envelope::{Envelope, Timestamp};
use ports::{Clock, Timers, Unavailable};

use crate::Message;

/// By how much an event may come too early: this clock and the one that the timer went off by differ.
/// Were it sent back for the rest of the time, the schedule that it came from might still be there,
/// and another one under its name would not be set.
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
    let message = Message::body_of(event);
    timers.set(event.event_id.as_str(), at, &message).await?;
    Ok(false)
}
