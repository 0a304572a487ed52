//! A stream's state, and how far it was folded.

use envelope::{Aggregate, Envelope, UnreadableEvent, Version};

use crate::commit::{Carried, Commit, Recent};

/// The state of a stream after the event at `version`.
#[derive(Debug, Clone)]
pub struct Folded<S> {
    /// The state.
    pub state: S,
    /// The last event in it; 0 for a stream without events.
    pub version: Version,
    pub(crate) recent: Recent,
    /// Bytes of the commits since the last one that carried the state.
    pub(crate) tail_bytes: usize,
}

impl<S: Default> Default for Folded<S> {
    fn default() -> Self {
        Self {
            state: S::default(),
            version: Version::ZERO,
            recent: Recent::default(),
            tail_bytes: 0,
        }
    }
}

/// A history that cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableHistory {
    /// An event in it cannot be read.
    #[error("an event at or after version {version} of {stream} cannot be read")]
    Event {
        /// The stream.
        stream: String,
        /// Version of the first event of its commit.
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
}

impl<S> Folded<S> {
    /// Folds commits in order. A commit that carries a state of this layout replaces what came before.
    pub(crate) fn of<A: Aggregate<State = S>>(commits: &[Commit]) -> Result<Self, UnreadableHistory>
    where
        S: Default + Clone + serde::de::DeserializeOwned,
    {
        let newest = commits
            .iter()
            .rposition(|commit| carried_state::<A>(commit).is_some());
        let mut folded = Self::default();
        let mut rest = commits;
        if let Some(index) = newest {
            folded = carried_state::<A>(&commits[index]).expect("found a moment ago");
            rest = &commits[index + 1..];
        }
        for commit in rest {
            folded = folded.then::<A>(commit)?;
        }
        Ok(folded)
    }

    /// The state after one more commit.
    pub(crate) fn then<A: Aggregate<State = S>>(
        mut self,
        commit: &Commit,
    ) -> Result<Self, UnreadableHistory>
    where
        S: Clone + serde::de::DeserializeOwned,
    {
        let stream = || commit.stream.to_string();
        if commit.first != self.version.next() {
            return Err(UnreadableHistory::Hole {
                stream: stream(),
                version: self.version,
                found: commit.first,
            });
        }
        if let Some(folded) = carried_state::<A>(commit) {
            return Ok(folded);
        }
        for event in &commit.events {
            let event =
                envelope::Event::decode(&event.event_type, event.schema_version, &event.data);
            let event = event.map_err(|source| UnreadableHistory::Event {
                stream: stream(),
                version: commit.first,
                source,
            })?;
            self.state = A::evolve(self.state, &event);
        }
        self.version = commit.last();
        self.recent.push(&commit.commit_id);
        self.tail_bytes += commit.bare_bytes();
        Ok(self)
    }

    /// The state after events that are about to be stored in `commit`, which takes the state along
    /// where that is worth it.
    pub(crate) fn advance<A: Aggregate<State = S>>(
        &self,
        commit: &mut Commit,
        events: &[A::Event],
    ) -> Self
    where
        S: Clone + serde::Serialize,
    {
        let state = events.iter().fold(self.state.clone(), A::evolve);
        let mut recent = self.recent.clone();
        recent.push(&commit.commit_id);
        let carried = Carried {
            layout: A::LAYOUT,
            state: serde_json::to_vec(&state).expect("a state is JSON"),
            recent: recent.clone(),
        };
        commit.carry(carried, self.tail_bytes);
        let tail_bytes = match commit.carried {
            Some(_) => 0,
            None => self.tail_bytes + commit.bare_bytes(),
        };
        Self {
            state,
            version: commit.last(),
            recent,
            tail_bytes,
        }
    }
}

/// The carried state, if it has this layout. One that cannot be read is treated like one of another
/// layout: the events are the truth, and the state is folded from them.
fn carried_state<A: Aggregate>(commit: &Commit) -> Option<Folded<A::State>> {
    let carried = commit
        .carried
        .as_ref()
        .filter(|carried| carried.layout == A::LAYOUT)?;
    Some(Folded {
        state: serde_json::from_slice(&carried.state).ok()?,
        version: commit.last(),
        recent: carried.recent.clone(),
        tail_bytes: 0,
    })
}

/// All envelopes of some commits, from version `from` on.
#[must_use]
pub fn envelopes_from(commits: &[Commit], from: Version) -> Vec<Envelope> {
    let all = commits.iter().flat_map(Commit::envelopes);
    all.filter(|event| event.version >= from).collect()
}
