//! How far a repository saw each stream, and the state there if it was folded.
//!
//! What is remembered is the state *at a version*, which no later event changes: it may be old, but
//! never wrong, and it is used only for a commit that starts right behind it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use envelope::{CommitId, StreamId, Timestamp, Version};
use event_store::{Carried, Commit, Recent, Snapshot};
use lru::LruCache;

/// How many streams a repository remembers.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// How many bytes of states it remembers.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A stream at a version.
#[derive(Clone)]
pub(crate) struct Known {
    /// The last event.
    pub(crate) version: Version,
    /// Time of its commit: the times in a stream never decrease, whatever the writers' clocks do.
    pub(crate) time: Timestamp,
    /// The state after it, if it was folded.
    pub(crate) state: Option<KnownState>,
}

/// A state as JSON: one repository may serve several types of aggregates.
#[derive(Clone)]
pub(crate) struct KnownState {
    pub(crate) layout: u32,
    pub(crate) json: Vec<u8>,
    pub(crate) recent: Recent,
    /// Bytes of the commits since the last state that was stored.
    pub(crate) tail_bytes: usize,
}

impl Known {
    /// A stream without events.
    pub(crate) fn nothing() -> Self {
        Self {
            version: Version::ZERO,
            time: Timestamp::from_millis(0),
            state: None,
        }
    }

    /// The end of a commit, without a state.
    pub(crate) fn end_of(commit: &Commit) -> Self {
        Self {
            version: commit.last(),
            time: commit.time,
            state: None,
        }
    }

    /// Whether the command was carried out, as far back as the stream remembers.
    pub(crate) fn has_seen(&self, commit_id: &CommitId) -> bool {
        let state = self.state.as_ref();
        state.is_some_and(|state| state.recent.contains(commit_id))
    }

    /// The state as an item of its own.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let state = self.state.as_ref()?;
        Some(Snapshot {
            version: self.version,
            time: self.time,
            carried: state.carried(),
            payload: None,
        })
    }

    fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.json.len())
    }

    /// Whether the other one is of an earlier version, or of this one and tells less.
    fn is_ahead_of(&self, other: &Self) -> bool {
        let tells_less = other.state.is_none() && self.state.is_some();
        self.version > other.version || self.version == other.version && tells_less
    }
}

impl KnownState {
    pub(crate) fn carried(&self) -> Carried {
        Carried {
            layout: self.layout,
            state: self.json.clone(),
            recent: self.recent.clone(),
        }
    }
}

/// A bounded map of streams; the one not used for longest goes first. Clones share it.
#[derive(Clone)]
pub(crate) struct Streams(Arc<Mutex<Bounded>>);

struct Bounded {
    known: LruCache<StreamId, Known>,
    bytes: usize,
}

impl Streams {
    pub(crate) fn new() -> Self {
        let known = LruCache::new(STREAMS_MAX);
        Self(Arc::new(Mutex::new(Bounded { known, bytes: 0 })))
    }

    /// What is known at the version that the commit starts behind.
    pub(crate) fn before(&self, commit: &Commit) -> Option<Known> {
        if commit.first == Version::new(1) {
            return Some(Known::nothing());
        }
        let mut streams = self.0.lock().expect("no user panicked");
        let known = streams.known.get(&commit.stream)?;
        (known.version.next() == commit.first).then(|| known.clone())
    }

    /// Never replaces what is newer or tells more.
    pub(crate) fn put(&self, stream: &StreamId, known: Known) {
        let mut streams = self.0.lock().expect("no user panicked");
        let there = streams.known.peek(stream);
        if there.is_some_and(|there| there.is_ahead_of(&known)) {
            return;
        }
        streams.bytes += known.bytes();
        // What it replaces, or the oldest one where there is no more room.
        let gone = streams.known.push(stream.clone(), known);
        streams.bytes -= gone.map_or(0, |(_, gone)| gone.bytes());
        while streams.bytes > BYTES_MAX {
            let Some((_, oldest)) = streams.known.pop_lru() else {
                return;
            };
            streams.bytes -= oldest.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: usize) -> StreamId {
        StreamId::new("account", id.to_string()).expect("an id")
    }

    fn known(version: u64, bytes: Option<usize>) -> Known {
        let state = bytes.map(|bytes| KnownState {
            layout: 1,
            json: vec![b' '; bytes],
            recent: Recent::default(),
            tail_bytes: 0,
        });
        let version = Version::new(version);
        Known {
            version,
            state,
            ..Known::nothing()
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_by_its_weight() {
        let streams = Streams::new();
        for id in 0..100 {
            for version in 1..3 {
                streams.put(&stream(id), known(version, Some(1024 * 1024)));
            }
        }
        let bounded = streams.0.lock().expect("no user panicked");
        assert_eq!((bounded.known.len(), bounded.bytes), (16, BYTES_MAX));
        assert!(bounded.known.contains(&stream(99)));
    }

    #[test]
    fn what_is_newer_or_tells_more_is_not_replaced() {
        let streams = Streams::new();
        let version = || {
            let mut streams = streams.0.lock().expect("no user panicked");
            let known = streams.known.get(&stream(1)).expect("known");
            (known.version.get(), known.state.is_some())
        };
        streams.put(&stream(1), known(2, Some(1)));
        streams.put(&stream(1), known(1, Some(1)));
        streams.put(&stream(1), known(2, None));
        assert_eq!(version(), (2, true));
        streams.put(&stream(1), known(3, None));
        assert_eq!(version(), (3, false));
    }
}
