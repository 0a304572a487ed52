//! `OrderPlaced`, and the same event again when the order should have been paid → `OrderCancelled`.
//!
//! The timer's message is the event itself, sealed as it came: whoever wants an order cancelled has to
//! have an event that only the relay could have published, and the order's own time says whether it
//! is due. So it needs no memory of timers, and one that goes off late, twice or for nothing is a
//! duplicate like any other.
//!
//! Whoever pays at the very moment at which the order is cancelled is treated like any customer whose
//! order is cancelled: the services give back what they took.

use std::time::Duration;

use domain::events::OrderPlaced;
use domain::{Order, Payment, order, payment};
use envelope::{Cause, Envelope, Timestamp};
use event_store::{Append, Decider, ExecuteError, Load};
use ports::{Clock, Consistency, Timers};
use reaction::{Done, Failure, Message, React};

/// By how much an event may come too early: this clock and the one that the timer went off by differ.
/// Were another timer set for the rest of the time, the first might still be there, whose name it has.
const EARLY_MS_MAX: u64 = 1_000;

/// The handler.
#[derive(Clone)]
pub struct ExpireOrder<S, T, C> {
    orders: Decider<Order, S, C>,
    payments: Decider<Payment, S, C>,
    timers: T,
    clock: C,
    unpaid: Duration,
}

impl<S: Load + Append, T: Timers, C: Clock> ExpireOrder<S, T, C> {
    /// A handler over a store and timers, for orders that may stay `unpaid` for so long.
    #[must_use]
    pub fn new(store: S, timers: T, clock: C, unpaid: Duration) -> Self {
        Self {
            orders: Decider::new(store.clone(), clock.clone()),
            payments: Decider::new(store, clock.clone()),
            timers,
            clock,
            unpaid,
        }
    }

    /// When the order of this event is to be paid.
    fn due(&self, placed: &Envelope) -> Timestamp {
        let unpaid_ms = i64::try_from(self.unpaid.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(placed.timestamp.as_millis().saturating_add(unpaid_ms))
    }

    async fn cancel(&self, id: &str, cause: &Cause) -> Result<Done, Failure> {
        let reason = Some(format!("not paid within {}", in_words(self.unpaid)));
        let cancel = order::Command::Cancel { reason };
        match self.orders.execute(id, cause, &cancel).await {
            Ok(executed) => Ok(executed.outcome.into()),
            // It ended in another way: there is nothing to wait for any more.
            Err(ExecuteError::Rejected(order::Rejection::Ended | order::Rejection::TooLate)) => {
                Ok(Done::Duplicate)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds > 60 && seconds.is_multiple_of(60) {
        return format!("{} minutes", seconds / 60);
    }
    format!("{seconds} seconds")
}

impl<S: Load + Append, T: Timers, C: Clock> React for ExpireOrder<S, T, C> {
    const NAME: &'static str = "expire-order";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let placed: OrderPlaced = event.read()?;
        let due = self.due(event);
        if due.millis_since(self.clock.now()) > EARLY_MS_MAX {
            // The moment is part of the name: should the time to pay be lengthened, the timer that goes
            // off too early then, and may not be gone yet, must not be in the way of the next one.
            let name = format!("{}-{}", event.event_id, due.as_millis());
            self.timers
                .set(&name, due, &Message::body_of(event))
                .await?;
            return Ok(Done::Handled);
        }
        let id = placed.order_id.as_str();
        // Read strongly: no paid order may be cancelled because its payment was not seen yet.
        let payment = self.payments.load(id, Consistency::Strong).await?;
        match payment.state {
            payment::State::Absent => self.cancel(id, cause).await,
            payment::State::Completed { .. }
            | payment::State::Failed
            | payment::State::Refunded
            | payment::State::Cancelled => Ok(Done::Duplicate),
        }
    }
}

#[cfg(test)]
mod tests;
