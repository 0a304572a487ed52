//! Read models by key, each saved only over the revision that its writer saw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Unavailable;

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// May miss the latest writes, at half the price.
    Eventual,
    /// Sees every write that was answered before.
    Strong,
}

/// How often a view was saved; 0 is a view that does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revision(pub u64);

/// A view and the revision it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewed<V> {
    /// The view.
    pub view: V,
    /// To be handed back when it is saved.
    pub revision: Revision,
}

/// Reads views.
pub trait LoadView: Clone + Send + Sync + 'static {
    /// The view under this key, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`], also for a view that cannot be read as this type.
    ///
    /// # Cost
    /// One request, and half a read unit for each 4 KB of the view, a whole one if strongly consistent.
    fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Option<Viewed<V>>, Unavailable>> + Send;
}

/// Why a view was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveViewError {
    /// Somebody saved it in the meantime: read again, fold again.
    #[error("the view was saved by another writer in the meantime")]
    Conflict,
    /// The table did not answer as it should.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Writes views.
pub trait SaveView: Clone + Send + Sync + 'static {
    /// Saves a view over the revision `seen`, and over no other.
    ///
    /// # Errors
    /// [`SaveViewError`]. After [`SaveViewError::Unavailable`] it is unknown whether it is saved.
    ///
    /// # Cost
    /// One request, and a write unit for each kilobyte of the view. DynamoDB bills a conflict, too.
    fn save<V: Serialize + Sync>(
        &self,
        key: &str,
        view: &V,
        seen: Revision,
    ) -> impl Future<Output = Result<(), SaveViewError>> + Send;
}

/// Views in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryViews(Arc<Mutex<HashMap<String, (u64, String)>>>);

impl LoadView for MemoryViews {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        _: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        let rows = self.0.lock().expect("no user panicked");
        let Some((revision, text)) = rows.get(key) else {
            return Ok(None);
        };
        let view = serde_json::from_str(text).map_err(|e| Unavailable::new("views:load", e))?;
        Ok(Some(Viewed {
            view,
            revision: Revision(*revision),
        }))
    }
}

impl SaveView for MemoryViews {
    async fn save<V: Serialize + Sync>(
        &self,
        key: &str,
        view: &V,
        seen: Revision,
    ) -> Result<(), SaveViewError> {
        let text = serde_json::to_string(view).map_err(|e| Unavailable::new("views:save", e))?;
        let mut rows = self.0.lock().expect("no user panicked");
        if rows.get(key).map_or(0, |(revision, _)| *revision) != seen.0 {
            return Err(SaveViewError::Conflict);
        }
        rows.insert(key.to_owned(), (seen.0 + 1, text));
        Ok(())
    }
}
