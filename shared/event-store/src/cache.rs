//! The states that a process has seen lately. A state in here may be outdated: the condition on
//! the next write finds out.
//!
//! It is bounded by what the states weigh, too: a thousand small ones are nothing, and a thousand of
//! those that need a snapshot would fill a function's memory.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use envelope::StreamId;
use lru::LruCache;

use crate::Folded;

/// How many streams a process remembers for each kind of aggregate.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// How many bytes of states it remembers, counted as JSON.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A bounded map of streams to states; the one not used for longest goes first.
#[derive(Debug)]
pub(crate) struct Cache<S>(Arc<Mutex<Known<S>>>);

#[derive(Debug)]
struct Known<S> {
    states: LruCache<StreamId, Folded<S>>,
    bytes: usize,
}

impl<S> Known<S> {
    fn remove(&mut self, stream: &StreamId) {
        let removed = self.states.pop(stream);
        self.bytes -= removed.map_or(0, |removed| removed.state_bytes);
    }

    fn insert(&mut self, stream: &StreamId, folded: Folded<S>) {
        self.remove(stream);
        self.bytes += folded.state_bytes;
        let oldest = self.states.push(stream.clone(), folded);
        self.bytes -= oldest.map_or(0, |(_, oldest)| oldest.state_bytes);
        while self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.states.pop_lru() else {
                return;
            };
            self.bytes -= oldest.state_bytes;
        }
    }
}

impl<S> Clone for Cache<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> Cache<S> {
    pub(crate) fn new() -> Self {
        let states = LruCache::new(STREAMS_MAX);
        Self(Arc::new(Mutex::new(Known { states, bytes: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Known<S>> {
        self.0.lock().expect("no user panicked")
    }

    pub(crate) fn get(&self, stream: &StreamId) -> Option<Folded<S>> {
        self.lock().states.get(stream).cloned()
    }

    /// Never replaces a newer state with an older one.
    pub(crate) fn put(&self, stream: &StreamId, folded: &Folded<S>) {
        let mut known = self.lock();
        let newer = |there: &Folded<S>| there.version > folded.version;
        if !known.states.peek(stream).is_some_and(newer) {
            known.insert(stream, folded.clone());
        }
    }

    /// A state of this stream was stored; so many bytes of tail are behind it.
    pub(crate) fn stored(&self, stream: &StreamId, tail_bytes: usize) {
        if let Some(known) = self.lock().states.peek_mut(stream) {
            known.tail_bytes = known.tail_bytes.saturating_sub(tail_bytes);
            known.snapshot_due = false;
        }
    }

    pub(crate) fn forget(&self, stream: &StreamId) {
        self.lock().remove(stream);
    }
}

#[cfg(test)]
mod tests {
    use envelope::Version;

    use super::*;

    fn folded(version: u64, state_bytes: usize) -> Folded<()> {
        Folded {
            version: Version::new(version),
            state_bytes,
            ..Folded::default()
        }
    }

    fn stream(number: usize) -> StreamId {
        StreamId::new("Tally", number.to_string()).expect("an id")
    }

    #[test]
    fn a_thousand_streams_are_remembered_and_the_oldest_forgotten() {
        let cache = Cache::new();
        for number in 0..1_001 {
            cache.put(&stream(number), &folded(1, 1_000));
        }
        assert!(cache.get(&stream(0)).is_none());
        assert!(cache.get(&stream(1)).is_some());
        assert_eq!(cache.lock().bytes, 1_000_000);
    }

    #[test]
    fn large_states_make_room_for_each_other() {
        let cache = Cache::new();
        for number in 0..100 {
            cache.put(&stream(number), &folded(1, 300 * 1024));
            cache.put(&stream(number), &folded(2, 350 * 1024));
        }
        let remembered = (0..100).filter(|number| cache.get(&stream(*number)).is_some());
        assert_eq!(remembered.count(), BYTES_MAX / (350 * 1024));
        cache.forget(&stream(99));
        cache.put(&stream(200), &folded(1, BYTES_MAX + 1));
        let known = cache.lock();
        assert_eq!((known.bytes, known.states.len()), (0, 0));
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one() {
        let cache = Cache::new();
        cache.put(&stream(1), &folded(2, 10));
        cache.put(&stream(1), &folded(1, 10));
        let known = cache.get(&stream(1)).map(|known| known.version.get());
        assert_eq!((known, cache.lock().bytes), (Some(2), 10));
    }
}
