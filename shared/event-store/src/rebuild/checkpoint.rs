//! How far a rebuild has come.
//!
//! A checkpoint is one value for all segments and holds the counts and what was set aside, too, so
//! that a resumed rebuild reports the whole and not only its last part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use envelope::Version;
use ports::Unavailable;
use serde::{Deserialize, Serialize};

use super::SetAside;
use crate::Cursor;

/// How far a rebuild has come. Everything in front of its places was applied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// One for each segment.
    pub places: Vec<Place>,
    /// Commits that were read.
    pub commits: u64,
    /// Events that were given to the model.
    pub events: u64,
    /// Rows that could not be read.
    pub set_aside: Vec<SetAside>,
    /// Commits that were left out because of them.
    pub left_out: u64,
}

/// How far one segment has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Where the next page begins.
    pub next: Option<Cursor>,
    /// Whether there is no next page.
    pub done: bool,
    /// The stream that the last page ended in.
    pub standing: Option<Standing>,
}

/// How far a stream was read. A page may end in the middle of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The stream.
    pub stream: String,
    /// Version of the last event that was read.
    pub version: Version,
    /// Whether what is left of it is left out.
    pub aside: bool,
}

/// Keeps checkpoints.
pub trait Checkpoints: Clone + Send + Sync + 'static {
    /// The checkpoint of the rebuild with this name, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`], also for one that is there and cannot be read: it must not pass for none.
    ///
    /// # Cost
    /// One read, once for each run that resumes.
    fn load(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Checkpoint>, Unavailable>> + Send;

    /// Replaces it, as a whole or not at all.
    ///
    /// # Errors
    /// [`Unavailable`]: the old one or the new one is there.
    ///
    /// # Cost
    /// One write after each page, of a place for each segment and of all that was set aside.
    fn save(
        &self,
        name: &str,
        checkpoint: &Checkpoint,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Forgets it: the rebuild has ended. It may be missing.
    ///
    /// # Errors
    /// [`Unavailable`]: whether it is forgotten is unknown.
    ///
    /// # Cost
    /// One write, at the end.
    fn clear(&self, name: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Checkpoints in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryCheckpoints(Arc<Mutex<HashMap<String, Checkpoint>>>);

impl Checkpoints for MemoryCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, Unavailable> {
        let kept = self.0.lock().expect("no user panicked");
        Ok(kept.get(name).cloned())
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        let mut kept = self.0.lock().expect("no user panicked");
        kept.insert(name.to_owned(), checkpoint.clone());
        Ok(())
    }

    async fn clear(&self, name: &str) -> Result<(), Unavailable> {
        self.0.lock().expect("no user panicked").remove(name);
        Ok(())
    }
}
