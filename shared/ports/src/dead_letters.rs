//! Where an event goes that a handler cannot handle: with the reason, never in silence.

use std::sync::{Arc, Mutex};

use envelope::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Unavailable;

/// Why an event was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It can never succeed: malformed, forged, or refused.
    Terminal,
    /// It might have, but every attempt failed.
    Exhausted,
}

/// One event that was given up, as it came, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Who gave it up.
    pub handler: String,
    /// Every cause, outermost first.
    pub reason: String,
    /// Whether trying again could help.
    pub class: Class,
    /// How many attempts there were.
    pub attempts: u32,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// The event's id, if it has one that can be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_id: Option<String>,
    /// Its type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_type: Option<String>,
    /// Its story.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correlation_id: Option<String>,
    /// The message as it came: JSON if it was JSON, otherwise its text.
    pub event: Value,
}

/// Keeps dead letters.
pub trait DeadLetters: Clone + Send + Sync + 'static {
    /// Keeps a letter. When this fails the event is not given up: the caller leaves it where it came from.
    fn send(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Dead letters in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryDeadLetters(Arc<Mutex<Vec<DeadLetter>>>);

impl MemoryDeadLetters {
    /// All letters so far.
    ///
    /// # Panics
    /// If another user panicked.
    #[must_use]
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.0.lock().expect("no user panicked").clone()
    }
}

impl DeadLetters for MemoryDeadLetters {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.0
            .lock()
            .expect("no user panicked")
            .push(letter.clone());
        Ok(())
    }
}
