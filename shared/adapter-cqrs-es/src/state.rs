//! States that are folded from events here, and remembered.
//!
//! What is remembered is the state *at a version*, which no later event changes: it may be old, but
//! never wrong, and it is used only for a commit that starts right behind it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use envelope::{StreamId, Timestamp, Version};
use event_store::{Carried, Commit, Loaded, Recent, Snapshot};
use lru::LruCache;
use uuid::Uuid;

use crate::{RepositoryError, record};

/// How many streams a repository remembers.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// Name space of layout digests: an arbitrary constant. Another one makes all stored states outdated.
const LAYOUTS: Uuid = Uuid::from_u128(0x2f9a_7c1e_93d5_4b0f_8e64_a1c0_57d2_3b86);

/// How states are folded, and the newest ones. Clones share them.
#[derive(Clone)]
pub(crate) struct States {
    upcasters: Arc<[Box<dyn EventUpcaster>]>,
    revision: u32,
    known: Arc<Mutex<LruCache<StreamId, Known>>>,
}

/// A state at a version, as JSON: one repository may serve several types of aggregates.
#[derive(Clone, Default)]
pub(crate) struct Known {
    layout: u32,
    version: Version,
    state: Vec<u8>,
    recent: Recent,
    tail_bytes: usize,
}

/// An aggregate as it was at a version.
pub(crate) struct Folded<A> {
    pub(crate) aggregate: A,
    pub(crate) version: Version,
    recent: Recent,
    tail_bytes: usize,
}

/// Why a state cannot be folded here.
pub(crate) enum Unfoldable {
    /// An event that is not as the aggregate itself would write it today. Only the framework knows
    /// all the upcasters that it may need.
    Foreign,
    /// The commits do not follow each other: the state that they should start from cannot be read,
    /// or one is missing.
    Hole(RepositoryError),
    /// A commit cannot be read.
    Broken(RepositoryError),
}

impl<A: Aggregate> Folded<A> {
    fn new() -> Self {
        Self {
            aggregate: A::default(),
            version: Version::ZERO,
            recent: Recent::default(),
            tail_bytes: 0,
        }
    }

    fn taken_up(layout: u32, version: Version, carried: &Carried) -> Option<Self> {
        if carried.layout != layout {
            return None;
        }
        Some(Self {
            aggregate: serde_json::from_slice(&carried.state).ok()?,
            version,
            recent: carried.recent.clone(),
            tail_bytes: 0,
        })
    }
}

impl States {
    pub(crate) fn new(upcasters: Vec<Box<dyn EventUpcaster>>) -> Self {
        Self {
            upcasters: upcasters.into(),
            revision: 0,
            known: Arc::new(Mutex::new(LruCache::new(STREAMS_MAX))),
        }
    }

    pub(crate) fn at_revision(self, revision: u32) -> Self {
        Self { revision, ..self }
    }

    /// Digest of the state's layout, as far as the default state shows it. `None` for a state that
    /// is not JSON.
    pub(crate) fn layout<A: Aggregate>(&self) -> Option<u32> {
        let default = serde_json::to_value(A::default()).ok()?;
        let name = format!("{}|{}|{default}", A::TYPE, self.revision);
        Some(Uuid::new_v5(&LAYOUTS, name.as_bytes()).as_fields().0)
    }

    /// Folds what was loaded, from the newest stored state on.
    pub(crate) fn fold<A: Aggregate>(
        &self,
        layout: u32,
        loaded: &Loaded,
    ) -> Result<Folded<A>, Unfoldable> {
        let taken_up = |version, carried| Folded::<A>::taken_up(layout, version, carried);
        let snapshot = loaded.snapshot.as_ref();
        let saved = snapshot.and_then(|saved| taken_up(saved.version, &saved.carried));
        let mut folded = saved.unwrap_or_else(Folded::new);
        let newest = loaded.commits.iter().rev().find_map(|commit| {
            let carried = commit.carried.as_ref()?;
            taken_up(commit.last(), carried)
        });
        if let Some(newest) = newest.filter(|newest| newest.version >= folded.version) {
            folded = newest;
        }
        for commit in &loaded.commits {
            if commit.last() > folded.version {
                self.apply_commit(&mut folded, commit)?;
            }
        }
        Ok(folded)
    }

    fn apply_commit<A: Aggregate>(
        &self,
        folded: &mut Folded<A>,
        commit: &Commit,
    ) -> Result<(), Unfoldable> {
        if commit.first != folded.version.next() {
            return Err(Unfoldable::Hole(RepositoryError::Hole {
                stream: commit.stream.to_string(),
                version: folded.version,
                found: commit.first,
            }));
        }
        for event in record::events(commit).map_err(Unfoldable::Broken)? {
            self.apply(&mut folded.aggregate, event)
                .ok_or(Unfoldable::Foreign)?;
        }
        folded.version = commit.last();
        folded.recent.push(commit);
        folded.tail_bytes += commit.bare_bytes();
        Ok(())
    }

    /// Applies one event, if it is by now as the aggregate itself would write it.
    fn apply<A: Aggregate>(&self, aggregate: &mut A, event: SerializedEvent) -> Option<()> {
        let newest = self.upcasters.iter().fold(event, |event, upcaster| {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                upcaster.upcast(event)
            } else {
                event
            }
        });
        let (kind, version) = (newest.event_type, newest.event_version);
        let event: A::Event = serde_json::from_value(newest.payload).ok()?;
        if event.event_type() != kind || event.event_version() != version {
            return None;
        }
        aggregate.apply(event);
        Some(())
    }

    /// What is known at the version that the commit starts behind.
    pub(crate) fn before(&self, layout: u32, commit: &Commit) -> Option<Known> {
        if commit.first == Version::new(1) {
            let layout_only = Known {
                layout,
                ..Known::default()
            };
            return Some(layout_only);
        }
        let mut states = self.known.lock().expect("no user panicked");
        let known = states.get(&commit.stream)?;
        let fits = known.layout == layout && known.version.next() == commit.first;
        fits.then(|| known.clone())
    }

    /// Lets the commit carry the state after it, where that is worth it. Returns what is known after
    /// it, and the state as an item of its own if it is due as one. `None` if the state is not to be
    /// had: then the commit goes without.
    pub(crate) fn advance<A: Aggregate>(
        &self,
        before: &Known,
        commit: &mut Commit,
        events: &[SerializedEvent],
    ) -> Option<(Known, Option<Snapshot>)> {
        let mut aggregate = match before.version {
            Version::ZERO => A::default(),
            _ => serde_json::from_slice::<A>(&before.state).ok()?,
        };
        for event in events {
            self.apply(&mut aggregate, event.clone())?;
        }
        let mut recent = before.recent.clone();
        recent.push(commit);
        let mut after = Known {
            layout: before.layout,
            version: commit.last(),
            state: serde_json::to_vec(&aggregate).ok()?,
            recent,
            tail_bytes: before.tail_bytes,
        };
        let (tail_bytes, due) = commit.carry(after.carried(), before.tail_bytes);
        after.tail_bytes = tail_bytes;
        let snapshot = due.then(|| after.snapshot(commit.time));
        Some((after, snapshot))
    }

    pub(crate) fn remember<A: Aggregate>(
        &self,
        layout: u32,
        stream: &StreamId,
        folded: &Folded<A>,
    ) {
        if let Ok(state) = serde_json::to_vec(&folded.aggregate) {
            let known = Known {
                layout,
                version: folded.version,
                state,
                recent: folded.recent.clone(),
                tail_bytes: folded.tail_bytes,
            };
            self.put(stream, known);
        }
    }

    /// Never replaces a newer state with an older one.
    pub(crate) fn put(&self, stream: &StreamId, known: Known) {
        let mut states = self.known.lock().expect("no user panicked");
        let newer = states
            .peek(stream)
            .is_some_and(|there| there.layout == known.layout && there.version > known.version);
        if !newer {
            states.put(stream.clone(), known);
        }
    }
}

impl Known {
    /// Whether the command was carried out, as far back as the stream remembers.
    pub(crate) fn has_seen(&self, commit: &Commit) -> bool {
        self.recent.contains(&commit.commit_id)
    }

    /// The same after the state was saved on its own.
    pub(crate) fn saved(self) -> Self {
        Self {
            tail_bytes: 0,
            ..self
        }
    }

    fn carried(&self) -> Carried {
        Carried {
            layout: self.layout,
            state: self.state.clone(),
            recent: self.recent.clone(),
        }
    }

    fn snapshot(&self, time: Timestamp) -> Snapshot {
        Snapshot {
            version: self.version,
            time,
            carried: self.carried(),
            payload: None,
        }
    }
}
