//! Fresh identities. Only what starts a story needs one; everything after it derives its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Draws identities that nobody drew before.
pub trait Ids: Clone + Send + Sync + 'static {
    /// A fresh UUID.
    fn next(&self) -> Uuid;
}

/// Random UUIDs that sort by time (version 7).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The same identities in every run, for tests.
#[derive(Debug, Clone, Default)]
pub struct SeededIds(Arc<AtomicU64>);

impl Ids for SeededIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(0, self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}
