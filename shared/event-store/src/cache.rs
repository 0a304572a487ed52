//! The states that a process has seen lately. A state in here may be outdated: the condition on
//! the next write finds out.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use envelope::StreamId;
use lru::LruCache;

use crate::Folded;

/// How many streams a process remembers for each kind of aggregate.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// A bounded map of streams to states; the one not used for longest goes first.
#[derive(Debug)]
pub(crate) struct Cache<S>(Arc<Mutex<LruCache<StreamId, Folded<S>>>>);

impl<S> Clone for Cache<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> Cache<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(STREAMS_MAX))))
    }

    pub(crate) fn get(&self, stream: &StreamId) -> Option<Folded<S>> {
        self.0
            .lock()
            .expect("no user panicked")
            .get(stream)
            .cloned()
    }

    /// Never replaces a newer state with an older one.
    pub(crate) fn put(&self, stream: &StreamId, folded: &Folded<S>) {
        let mut cache = self.0.lock().expect("no user panicked");
        if cache
            .peek(stream)
            .is_none_or(|known| known.version <= folded.version)
        {
            cache.put(stream.clone(), folded.clone());
        }
    }

    /// A state of this stream was stored; so many bytes of tail are behind it.
    pub(crate) fn stored(&self, stream: &StreamId, tail_bytes: usize) {
        let mut cache = self.0.lock().expect("no user panicked");
        if let Some(known) = cache.peek_mut(stream) {
            known.tail_bytes = known.tail_bytes.saturating_sub(tail_bytes);
            known.snapshot_due = false;
        }
    }

    pub(crate) fn forget(&self, stream: &StreamId) {
        self.0.lock().expect("no user panicked").pop(stream);
    }
}
