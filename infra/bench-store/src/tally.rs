//! What every store stores here: amounts, and their sum.
//!
//! All stores keep the same events and fold the same state, so that what differs is theirs. Amounts are never
//! repeated within a run; a command that is lost or applied twice shows in the sum, whatever the number of events says.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Size of an event as our store keeps it (type and data), in bytes: what one of an order has.
pub(crate) const EVENT_BYTES: usize = 310;

/// What the stored form of an event without padding has, apart from the amount's digits:
/// `{"t":"Added","d":{"amount":,"padding":""}}`.
const FRAME_BYTES: usize = 42;

/// The first amount; all have the same number of digits.
static NEXT: AtomicU64 = AtomicU64::new(1_000_000);

/// An amount was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Added {
    /// How much.
    pub(crate) amount: u64,
    /// Makes the event as large as it should be.
    pub(crate) padding: String,
}

impl Added {
    /// An event with an amount of its own.
    pub(crate) fn fresh() -> Self {
        let amount = NEXT.fetch_add(1, Ordering::Relaxed);
        let digits = amount.to_string().len();
        Self {
            amount,
            padding: "x".repeat(EVENT_BYTES - FRAME_BYTES - digits),
        }
    }
}

/// So many events.
pub(crate) fn fresh(events: usize) -> Vec<Added> {
    std::iter::repeat_with(Added::fresh).take(events).collect()
}

/// The fold of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Sum of all amounts.
    pub(crate) sum: u64,
    /// How many events there were.
    pub(crate) events: u64,
}

impl Tally {
    /// One more event.
    pub(crate) fn add(&mut self, added: &Added) {
        self.sum += added.amount;
        self.events += 1;
    }

    /// The state after these.
    pub(crate) fn after(mut self, events: &[Added]) -> Self {
        for event in events {
            self.add(event);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_size_that_is_claimed() {
        let event = Added::fresh();
        let stored = serde_json::json!({"t": "Added", "d": event}).to_string();
        assert_eq!(stored.len(), EVENT_BYTES);
    }

    #[test]
    fn a_lost_and_a_doubled_command_do_not_cancel_out() {
        let [one, other] = [Added::fresh(), Added::fresh()];
        let right = Tally::default().after(&[one.clone(), other]);
        let wrong = Tally::default().after(&[one.clone(), one]);
        assert_eq!(right.events, wrong.events);
        assert_ne!(right, wrong);
    }
}
