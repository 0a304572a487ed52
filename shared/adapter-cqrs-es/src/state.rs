//! States, folded from events with the aggregate's own `apply`.
//!
//! Only events that are as the aggregate would write them today are folded here. The framework may
//! have upcasters that nobody told this crate of, and a guess at them would be a wrong state.

use std::sync::Arc;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use envelope::{Timestamp, Version};
use event_store::{Carried, Commit, Loaded, Recent, Snapshot};
use uuid::Uuid;

use crate::known::{Known, KnownState};
use crate::{RepositoryError, record};

/// Name space of layout digests: an arbitrary constant. Another one makes all stored states outdated.
const LAYOUTS: Uuid = Uuid::from_u128(0x2f9a_7c1e_93d5_4b0f_8e64_a1c0_57d2_3b86);

/// How states are folded.
#[derive(Clone)]
pub(crate) struct States {
    upcasters: Arc<[Box<dyn EventUpcaster>]>,
    revision: u32,
}

/// An aggregate as it was at a version.
pub(crate) struct Folded<A> {
    pub(crate) aggregate: A,
    pub(crate) version: Version,
    time: Timestamp,
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
            time: Timestamp::from_millis(0),
            recent: Recent::default(),
            tail_bytes: 0,
        }
    }

    fn taken_up(layout: u32, version: Version, time: Timestamp, carried: &Carried) -> Option<Self> {
        if carried.layout != layout {
            return None;
        }
        Some(Self {
            aggregate: serde_json::from_slice(&carried.state).ok()?,
            version,
            time,
            recent: carried.recent.clone(),
            tail_bytes: 0,
        })
    }

    /// What is to be remembered of it. `None` if it cannot be JSON.
    pub(crate) fn known(&self, layout: u32) -> Option<Known> {
        let state = KnownState {
            layout,
            json: serde_json::to_vec(&self.aggregate).ok()?,
            recent: self.recent.clone(),
            tail_bytes: self.tail_bytes,
        };
        Some(Known {
            version: self.version,
            time: self.time,
            state: Some(state),
        })
    }
}

impl States {
    pub(crate) fn new(upcasters: Vec<Box<dyn EventUpcaster>>) -> Self {
        Self {
            upcasters: upcasters.into(),
            revision: 0,
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
        let taken_up =
            |version, time, carried| Folded::<A>::taken_up(layout, version, time, carried);
        let snapshot = loaded.snapshot.as_ref();
        let saved = snapshot.and_then(|saved| taken_up(saved.version, saved.time, &saved.carried));
        let mut folded = saved.unwrap_or_else(Folded::new);
        let newest = loaded.commits.iter().rev().find_map(|commit| {
            let carried = commit.carried.as_ref()?;
            taken_up(commit.last(), commit.time, carried)
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
        folded.time = commit.time;
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

    /// Lets the commit carry the state after it, where that is worth it. Returns what is known after
    /// it, and the state as an item of its own if it is due as one. `None` if the state is not to be
    /// had: then the commit goes without.
    pub(crate) fn advance<A: Aggregate>(
        &self,
        layout: u32,
        before: &Known,
        commit: &mut Commit,
        events: &[SerializedEvent],
    ) -> Option<(Known, Option<Snapshot>)> {
        let (mut aggregate, mut recent, tail_bytes) = match &before.state {
            Some(state) if state.layout == layout => {
                let aggregate = serde_json::from_slice::<A>(&state.json).ok()?;
                (aggregate, state.recent.clone(), state.tail_bytes)
            }
            None if before.version == Version::ZERO => (A::default(), Recent::default(), 0),
            _ => return None,
        };
        for event in events {
            self.apply(&mut aggregate, event.clone())?;
        }
        recent.push(commit);
        let mut state = KnownState {
            layout,
            json: serde_json::to_vec(&aggregate).ok()?,
            recent,
            tail_bytes,
        };
        let (tail_bytes, due) = commit.carry(state.carried(), tail_bytes);
        state.tail_bytes = tail_bytes;
        let after = Known {
            state: Some(state),
            ..Known::end_of(commit)
        };
        let snapshot = due.then(|| after.snapshot()).flatten();
        Some((after, snapshot))
    }
}
