//! A stream's state, and how far it was folded.

use envelope::{Aggregate, Cause, Envelope, Timestamp, UnknownEvents, UnreadableEvent, Version};

use crate::commit::{Carried, Commit, Recent};
use crate::{Loaded, Snapshot};

/// The state of a stream after the event at `version`.
#[derive(Debug, Clone)]
pub struct Folded<S> {
    /// The state.
    pub state: S,
    /// The last event in it; 0 for a stream without events.
    pub version: Version,
    /// Time of the commit that holds this event; the epoch for a stream without events.
    pub time: Timestamp,
    pub(crate) recent: Recent,
    /// Bytes of the state as JSON, as of the last time that it was read or written.
    pub(crate) state_bytes: usize,
    /// Bytes of the commits since the last state that was stored.
    pub(crate) tail_bytes: usize,
    /// Whether the state is to be saved as a snapshot, because it is too large to ride.
    pub(crate) snapshot_due: bool,
    /// Whether it lacks an event that this reader does not know. Then it is never stored.
    pub(crate) opaque: bool,
    /// Whether it ends inside of a commit. Then nothing can be written behind it.
    pub(crate) inside: bool,
}

impl<S: Default> Default for Folded<S> {
    fn default() -> Self {
        Self {
            state: S::default(),
            version: Version::ZERO,
            time: Timestamp::from_millis(0),
            recent: Recent::default(),
            state_bytes: 0,
            tail_bytes: 0,
            snapshot_due: false,
            opaque: false,
            inside: false,
        }
    }
}

/// A history that cannot be folded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UnreadableHistory {
    /// An event in it cannot be read.
    #[error("the event at version {version} of {stream} cannot be read")]
    Event {
        /// The stream.
        stream: String,
        /// Its version.
        version: Version,
        /// Why.
        #[source]
        source: UnreadableEvent,
    },
    /// A commit is missing.
    #[error("{stream} has a hole: a commit at version {found} follows version {version}")]
    Hole {
        /// The stream.
        stream: String,
        /// Where the fold stood.
        version: Version,
        /// Where the next commit starts.
        found: Version,
    },
    /// The events of a commit have their data elsewhere.
    #[error(
        "the data of the events of {stream} from version {version} on are beside the table: read it through ClaimChecked"
    )]
    Elsewhere {
        /// The stream.
        stream: String,
        /// Version of the first event of the commit.
        version: Version,
    },
}

impl<S: Default + Clone + serde::Serialize + serde::de::DeserializeOwned> Folded<S> {
    /// Folds what was loaded, up to version `until`: from the newest stored state on.
    pub(crate) fn of<A: Aggregate<State = S>>(
        loaded: &Loaded,
        until: Version,
    ) -> Result<Self, UnreadableHistory> {
        let snapshot = loaded.snapshot.as_ref();
        let snapshot = snapshot.filter(|snapshot| snapshot.version <= until);
        let mut folded = snapshot.and_then(saved::<A>).unwrap_or_default();
        let carrying = loaded.commits.iter().rev();
        let mut carried = carrying.filter(|commit| commit.carries(A::LAYOUT, until));
        let newest = carried.find_map(|commit| carried_state::<A>(commit));
        if let Some(newest) = newest.filter(|newest| newest.version >= folded.version) {
            folded = newest;
        }
        for commit in &loaded.commits {
            if commit.last() > folded.version {
                folded = folded.up_to::<A>(commit, until)?;
            }
        }
        if folded.state_bytes == 0 {
            folded.state_bytes = json(&folded.state).len();
        }
        Ok(folded)
    }

    /// Whether the stream's newest commits hold one of this cause. An older one may be forgotten.
    #[must_use]
    pub fn holds(&self, cause: &Cause) -> bool {
        self.recent.contains(cause.commit_id())
    }

    /// The state after one more commit.
    pub(crate) fn then<A: Aggregate<State = S>>(
        self,
        commit: &Commit,
    ) -> Result<Self, UnreadableHistory> {
        self.up_to::<A>(commit, Version::MAX)
    }

    fn up_to<A: Aggregate<State = S>>(
        mut self,
        commit: &Commit,
        until: Version,
    ) -> Result<Self, UnreadableHistory> {
        let stream = || commit.stream.to_string();
        if commit.first != self.version.next() {
            return Err(UnreadableHistory::Hole {
                stream: stream(),
                version: self.version,
                found: commit.first,
            });
        }
        if commit.carries(A::LAYOUT, until)
            && let Some(folded) = carried_state::<A>(commit)
        {
            return Ok(folded);
        }
        if commit.payload.is_some() {
            return Err(UnreadableHistory::Elsewhere {
                stream: stream(),
                version: commit.first,
            });
        }
        for recorded in &commit.events {
            if self.version == until {
                break;
            }
            let (kind, version) = (&recorded.event_type, recorded.schema_version);
            match envelope::Event::decode(kind, version, &recorded.data) {
                Ok(event) => self.state = A::evolve(self.state, &event),
                Err(UnreadableEvent::Unknown { .. })
                    if A::UNKNOWN_EVENTS == UnknownEvents::Opaque =>
                {
                    self.opaque = true;
                }
                Err(source) => {
                    return Err(UnreadableHistory::Event {
                        stream: stream(),
                        version: self.version.next(),
                        source,
                    });
                }
            }
            self.version = self.version.next();
        }
        self.inside = self.version < commit.last();
        self.time = commit.time;
        self.recent.push(commit);
        self.tail_bytes += commit.bare_bytes();
        Ok(self)
    }

    /// The state after a commit that is about to be stored, which takes it along where that is
    /// worth it.
    pub(crate) fn advance(&self, commit: &mut Commit, layout: u32, state: S) -> Self {
        let mut recent = self.recent.clone();
        recent.push(commit);
        let mut state_bytes = self.state_bytes;
        let (tail_bytes, snapshot_due) = if self.opaque {
            (self.tail_bytes + commit.bare_bytes(), false)
        } else {
            let carried = carried(layout, &state, recent.clone());
            state_bytes = carried.state.len();
            commit.carry(carried, self.tail_bytes)
        };
        Self {
            state,
            version: commit.last(),
            time: commit.time,
            recent,
            state_bytes,
            tail_bytes,
            snapshot_due,
            opaque: self.opaque,
            inside: false,
        }
    }

    /// The state as an item of its own.
    pub(crate) fn snapshot(&self, layout: u32) -> Option<Snapshot> {
        (!self.opaque && self.version > Version::ZERO).then(|| Snapshot {
            version: self.version,
            time: self.time,
            carried: carried(layout, &self.state, self.recent.clone()),
            payload: None,
        })
    }
}

fn carried<S: serde::Serialize>(layout: u32, state: &S, recent: Recent) -> Carried {
    Carried {
        layout,
        state: json(state),
        recent,
    }
}

fn json(state: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(state).expect("a state is JSON")
}

/// The carried state. One that cannot be read is treated like one of another layout: the events are
/// the truth, and the state is folded from them.
fn carried_state<A: Aggregate>(commit: &Commit) -> Option<Folded<A::State>> {
    let carried = commit.carried.as_ref()?;
    taken_up::<A>(commit.last(), commit.time, carried)
}

fn saved<A: Aggregate>(snapshot: &Snapshot) -> Option<Folded<A::State>> {
    taken_up::<A>(snapshot.version, snapshot.time, &snapshot.carried)
}

fn taken_up<A: Aggregate>(
    version: Version,
    time: Timestamp,
    carried: &Carried,
) -> Option<Folded<A::State>> {
    if carried.layout != A::LAYOUT {
        return None;
    }
    Some(Folded {
        state: serde_json::from_slice(&carried.state).ok()?,
        version,
        time,
        recent: carried.recent.clone(),
        state_bytes: carried.state.len(),
        ..Folded::default()
    })
}

/// All envelopes of some commits, from version `from` on.
///
/// # Panics
/// Like [`Commit::envelopes`].
#[must_use]
pub fn envelopes_from(commits: &[Commit], from: Version) -> Vec<Envelope> {
    let all = commits.iter().flat_map(Commit::envelopes);
    all.filter(|event| event.version >= from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Added, State, Tally};
    use envelope::CommandId;

    /// A store need not know better than to return its newest snapshot.
    #[test]
    fn a_snapshot_newer_than_the_version_does_not_count() {
        let cause = Cause::command(&CommandId::new("add").expect("an id"));
        let stream = Tally::<1>::stream("one").expect("an id");
        let (head, time) = (Version::ZERO, Timestamp::from_millis(1));
        let events = [1, 2, 4].map(Added::amount);
        let commit = Commit::new::<Tally>(&stream, head, &cause, time, &events);
        let state = State {
            sum: 100,
            ..State::default()
        };
        let loaded = |version| Loaded {
            snapshot: Some(Snapshot {
                version: Version::new(version),
                time,
                carried: carried(1, &state, Recent::default()),
                payload: None,
            }),
            commits: vec![commit.clone()],
        };
        let sum = |version, until| {
            let folded = Folded::of::<Tally>(&loaded(version), Version::new(until));
            folded.expect("foldable").state.sum
        };
        assert_eq!((sum(3, 1), sum(3, 2), sum(3, 3)), (1, 3, 100));
    }
}
