//! Frames to those who are connected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Passing, Unavailable};

/// Why a frame did not get on its way.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// There is no such connection any more, and never will be again.
    #[error("the connection is gone")]
    Gone,
    /// The service did not take the frame. Whether it arrived is unknown.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Passing for SendError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(error) => Some(error),
            Self::Gone => None,
        }
    }
}

/// Sends frames.
pub trait SendFrame: Clone + Send + Sync + 'static {
    /// Sends a text to a connection. That it was sent does not say that the other side has read it.
    ///
    /// # Errors
    /// [`SendError`]. The same frame may be sent again; it may then arrive twice.
    ///
    /// # Cost
    /// One request.
    fn send(
        &self,
        connection: &str,
        text: &str,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
}

type Fault = Box<dyn FnMut(&str) -> Option<SendError> + Send>;

/// Connections in memory: every one takes everything, but for the faults that a test asks for.
#[derive(Clone, Default)]
pub struct MemoryFrames {
    sent: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl MemoryFrames {
    /// Fails a frame when the closure, which is asked with the connection's id, says how.
    pub fn fail_with(&self, fault: impl FnMut(&str) -> Option<SendError> + Send + 'static) {
        *self.fault.lock().expect("no user panicked") = Some(Box::new(fault));
    }

    /// What a connection got since the last call, in order.
    #[must_use]
    pub fn take(&self, connection: &str) -> Vec<String> {
        self.sent().remove(connection).unwrap_or_default()
    }

    fn sent(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.sent.lock().expect("no user panicked")
    }
}

impl SendFrame for MemoryFrames {
    async fn send(&self, connection: &str, text: &str) -> Result<(), SendError> {
        let mut fault = self.fault.lock().expect("no user panicked");
        if let Some(error) = fault.as_mut().and_then(|fault| fault(connection)) {
            return Err(error);
        }
        let mut sent = self.sent();
        let frames = sent.entry(connection.to_owned()).or_default();
        frames.push(text.to_owned());
        Ok(())
    }
}
