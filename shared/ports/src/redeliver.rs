//! When a message that failed comes again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Unavailable;

/// Decides when a queue delivers a message again that it has handed out.
pub trait Redeliver: Clone + Send + Sync + 'static {
    /// Has the message that was handed out under `receipt` come again after `wait`, counted from
    /// now. If this fails the message comes again when the queue's own time-out ends.
    fn redeliver(
        &self,
        receipt: &str,
        wait: Duration,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Remembers what was asked.
#[derive(Debug, Clone, Default)]
pub struct MemoryRedeliveries(Arc<Mutex<Vec<(String, Duration)>>>);

impl MemoryRedeliveries {
    /// Every request so far: receipt and wait.
    ///
    /// # Panics
    /// If another user panicked.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, Duration)> {
        self.0.lock().expect("no user panicked").clone()
    }
}

impl Redeliver for MemoryRedeliveries {
    async fn redeliver(&self, receipt: &str, wait: Duration) -> Result<(), Unavailable> {
        self.0
            .lock()
            .expect("no user panicked")
            .push((receipt.to_owned(), wait));
        Ok(())
    }
}
