//! Objects of any size by key, for what is too large for an item of a table.
//!
//! A key is written once with one content, or several times with the same: so a put needs no
//! condition and may be repeated, and nothing here deletes. Whoever chooses the keys sees to that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::Unavailable;

/// Writes objects.
pub trait PutPayload: Clone + Send + Sync + 'static {
    /// Stores the object. When this has succeeded, every later read of the key finds it. The same
    /// object may be put again.
    ///
    /// # Errors
    /// [`Unavailable`]: whether the object is stored is unknown.
    ///
    /// # Cost
    /// One request.
    fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Reads objects.
pub trait GetPayload: Clone + Send + Sync + 'static {
    /// The object under this key, whole, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`], also when only a part of the object arrived.
    ///
    /// # Cost
    /// One request.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Unavailable>> + Send;
}

/// Objects in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryPayloads(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    objects: BTreeMap<String, Vec<u8>>,
    requests: u32,
    unavailable: u32,
}

impl Shelf {
    fn begin(&mut self, operation: &'static str) -> Result<(), Unavailable> {
        self.requests += 1;
        if self.unavailable > 0 {
            self.unavailable -= 1;
            return Err(Unavailable::new(operation, "told to be unavailable"));
        }
        Ok(())
    }
}

impl MemoryPayloads {
    /// The keys of all objects, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.shelf().objects.keys().cloned().collect()
    }

    /// How many puts and gets there were since the last call.
    #[must_use]
    pub fn take_requests(&self) -> u32 {
        std::mem::take(&mut self.shelf().requests)
    }

    /// The next `times` requests fail and have no effect.
    pub fn be_unavailable(&self, times: u32) {
        self.shelf().unavailable += times;
    }

    /// No more failures.
    pub fn heal(&self) {
        self.shelf().unavailable = 0;
    }

    /// Loses an object.
    pub fn lose(&self, key: &str) {
        self.shelf().objects.remove(key);
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().expect("no user panicked")
    }
}

impl PutPayload for MemoryPayloads {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Unavailable> {
        let mut shelf = self.shelf();
        shelf.begin("payloads:put")?;
        shelf.objects.insert(key.to_owned(), bytes);
        Ok(())
    }
}

impl GetPayload for MemoryPayloads {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let mut shelf = self.shelf();
        shelf.begin("payloads:get")?;
        Ok(shelf.objects.get(key).cloned())
    }
}
