//! Messages to oneself, for later.
//!
//! There is no call that takes a timer back: whoever gets its message looks at what has become of the
//! matter meanwhile, as with any message that comes late or twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use envelope::Timestamp;
use serde_json::Value;

use crate::Unavailable;

/// Sets timers that go off once.
pub trait Timers: Clone + Send + Sync + 'static {
    /// Has `message` delivered to the caller's own queue at the moment `at`: never before it, but for
    /// the difference between two clocks, perhaps two minutes after it, and once or more often.
    ///
    /// The name is the timer's identity: as long as it has not gone off, a second one under its name
    /// changes nothing, whatever it says. So a request that is repeated does no harm under a name
    /// that belongs to its cause: the id of an event, and whatever else decides about the moment.
    ///
    /// # Errors
    /// [`Unavailable`]: it is unknown whether the timer is set; the same again does no harm.
    fn set(
        &self,
        name: &str,
        at: Timestamp,
        message: &Value,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Timers in memory, which go off when somebody asks what is due. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryTimers(Arc<Mutex<BTreeMap<String, (Timestamp, Value)>>>);

impl MemoryTimers {
    /// Takes out what is due at this moment, the earliest first.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<Value> {
        let mut pending = self.pending();
        let due = pending.extract_if(.., |_, (at, _)| *at <= now);
        let mut due: Vec<_> = due.map(|(_, timer)| timer).collect();
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, message)| message).collect()
    }

    /// When the next one goes off.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.pending().values().map(|(at, _)| *at).min()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending().is_empty()
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, Value)>> {
        self.0.lock().expect("no user panicked")
    }
}

impl Timers for MemoryTimers {
    async fn set(&self, name: &str, at: Timestamp, message: &Value) -> Result<(), Unavailable> {
        let timer = (at, message.clone());
        self.pending().entry(name.to_owned()).or_insert(timer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[tokio::test]
    async fn timers_go_off_once_and_in_their_order_and_not_before_their_time() {
        let timers = MemoryTimers::default();
        timers.set("b", at(20), &json!("b")).await.expect("set");
        timers.set("a", at(30), &json!("a")).await.expect("set");
        timers.set("c", at(40), &json!("c")).await.expect("set");
        assert_eq!(timers.next(), Some(at(20)));
        assert!(timers.due(at(19)).is_empty());
        assert_eq!(timers.due(at(30)), [json!("b"), json!("a")]);
        assert!(timers.due(at(39)).is_empty());
        assert_eq!(timers.due(at(40)), [json!("c")]);
        assert!(timers.is_empty());
        assert_eq!(timers.next(), None);
    }

    #[tokio::test]
    async fn a_second_timer_under_a_name_changes_nothing() {
        let timers = MemoryTimers::default();
        let clone = timers.clone();
        timers.set("a", at(20), &json!("first")).await.expect("set");
        clone.set("a", at(10), &json!("second")).await.expect("set");
        assert!(timers.due(at(10)).is_empty());
        assert_eq!(timers.due(at(20)), [json!("first")]);
        assert!(clone.is_empty());
    }
}
