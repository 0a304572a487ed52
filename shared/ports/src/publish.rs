//! The bus, seen from its publisher.

use std::sync::{Arc, Mutex};

use envelope::Envelope;

use crate::Unavailable;

/// Why one event of a batch was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It may pass: throttled, or broken inside.
    #[error("the bus could not take the event now: {0}")]
    Transient(String),
    /// It never will: the bus refuses this event.
    #[error("the bus refuses the event: {0}")]
    Refused(String),
}

/// Publishes events.
///
/// The contract: one result for each event, in the order given, and an event whose result is `Ok`
/// was taken by the bus. Publishing twice is allowed. An error of the call as a whole says nothing
/// about any of the events.
pub trait Publish: Clone + Send + Sync + 'static {
    /// The most events in one call.
    const ENTRIES_MAX: usize;
    /// The most bytes in one call, as counted by [`size_of`](Publish::size_of).
    const BYTES_MAX: usize;

    /// What an event counts towards [`BYTES_MAX`](Publish::BYTES_MAX), in bytes.
    fn size_of(&self, event: &Envelope) -> usize;

    /// Publishes a batch within both limits.
    fn publish(
        &self,
        batch: &[Envelope],
    ) -> impl Future<Output = Result<Vec<Result<(), PublishError>>, Unavailable>> + Send;
}

/// A bus that remembers what was published, and fails as it is told to.
#[derive(Clone, Default)]
pub struct MemoryBus {
    published: Arc<Mutex<Vec<Envelope>>>,
    failures: Arc<Mutex<Option<FailureScript>>>,
}

/// Says how publishing an event fails, if it does.
type FailureScript = Box<dyn FnMut(&Envelope) -> Option<PublishError> + Send>;

impl MemoryBus {
    /// Everything published so far, in order.
    ///
    /// # Panics
    /// If another user of the bus panicked.
    #[must_use]
    pub fn published(&self) -> Vec<Envelope> {
        self.published.lock().expect("no user panicked").clone()
    }

    /// Takes everything published so far off the bus.
    ///
    /// # Panics
    /// If another user of the bus panicked.
    #[must_use]
    pub fn take(&self) -> Vec<Envelope> {
        std::mem::take(&mut *self.published.lock().expect("no user panicked"))
    }

    /// Asks `script` for every event from now on whether its publication fails.
    ///
    /// # Panics
    /// If another user of the bus panicked.
    pub fn fail_with(
        &self,
        script: impl FnMut(&Envelope) -> Option<PublishError> + Send + 'static,
    ) {
        *self.failures.lock().expect("no user panicked") = Some(Box::new(script));
    }
}

impl Publish for MemoryBus {
    const ENTRIES_MAX: usize = 10;
    const BYTES_MAX: usize = 1_000_000;

    fn size_of(&self, event: &Envelope) -> usize {
        serde_json::to_vec(event).map_or(0, |json| json.len())
    }

    async fn publish(
        &self,
        batch: &[Envelope],
    ) -> Result<Vec<Result<(), PublishError>>, Unavailable> {
        assert!(
            batch.len() <= Self::ENTRIES_MAX,
            "the batch has too many entries"
        );
        let mut failures = self.failures.lock().expect("no user panicked");
        let mut published = self.published.lock().expect("no user panicked");
        let mut publish_one = |event: &Envelope| {
            if let Some(error) = failures.as_mut().and_then(|script| script(event)) {
                return Err(error);
            }
            published.push(event.clone());
            Ok(())
        };
        Ok(batch.iter().map(&mut publish_one).collect())
    }
}
