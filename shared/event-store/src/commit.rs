//! A commit: what is stored, and what it says as envelopes.

use envelope::{
    Aggregate, Cause, CommitId, Envelope, Event, EventId, Metadata, StreamId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ReadError;
use crate::joined::{self, Joined};

/// How many recent commits a carried state remembers, as long as commands come one by one.
pub const RECENT_MAX: usize = 8;

/// How many it remembers of a stream whose commands share commits: a kilobyte of digests.
pub const RECENT_SHARED_MAX: usize = 128;

/// All events that one cause led to in one stream, or several causes that came at the same time.
/// Atomic: it is there as a whole or not at all.
///
/// Commits are made by a [`Decider`](crate::Decider) or a [`Transaction`](crate::Transaction) on
/// top of a loaded state, and therefore start right behind the end of another commit. That is what
/// lets a condition on one key stand for the whole stream's version.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The stream.
    pub stream: StreamId,
    /// Version of the first event in it.
    pub first: Version,
    /// Identity: two commits with one id on one stream are one.
    pub commit_id: CommitId,
    /// When it was made.
    pub time: Timestamp,
    /// What all its events inherit.
    pub metadata: Metadata,
    /// At least one event.
    pub events: Vec<Recorded>,
    /// The causes that share the commit, in the order of their events. The events in front of
    /// theirs, at least one, are those of `commit_id`.
    pub joined: Vec<Joined>,
    /// Where the events' data is, if the commit would be too large with it: then `events` have
    /// none. See [`ClaimChecked`](crate::ClaimChecked).
    pub payload: Option<String>,
    /// The folded state after the last event, if it rides along.
    pub carried: Option<Carried>,
}

/// One event as it is stored; what it shares with its commit is not repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its id, where that is not derived from the commit's.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Its type.
    #[serde(rename = "t")]
    pub event_type: String,
    /// Version of its schema.
    #[serde(rename = "v", default = "first", skip_serializing_if = "is_first")]
    pub schema_version: u32,
    /// Its data.
    #[serde(rename = "d", default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

const fn first() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
const fn is_first(version: &u32) -> bool {
    *version == 1
}

/// A snapshot that rides in a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// Digest of the state's layout: with another one the state is ignored.
    pub layout: u32,
    /// The state as JSON.
    pub state: Vec<u8>,
    /// The newest commits before and with this one.
    pub recent: Recent,
}

/// Digests of the newest commits of a stream, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<u64>);

impl Recent {
    /// Reads the digests back from storage.
    #[must_use]
    pub fn from_digests(digests: Vec<u64>) -> Self {
        Self(digests)
    }

    /// The digests, oldest first.
    #[must_use]
    pub fn digests(&self) -> &[u64] {
        &self.0
    }

    /// Whether the commit is among them. Two ids share a digest once in 2⁶⁴.
    #[must_use]
    pub fn contains(&self, commit_id: &CommitId) -> bool {
        self.0.contains(&commit_id.digest())
    }

    /// Adds the causes of a commit, and forgets the oldest ones.
    ///
    /// One by one they are kept up to [`RECENT_MAX`]. Those that share a commit are kept up to
    /// [`RECENT_SHARED_MAX`], or else a single shared commit would push out all before it; later
    /// single ones each push out two, until the ring has its usual length again.
    pub fn push(&mut self, commit: &Commit) {
        let before = self.0.len();
        let added = 1 + commit.joined.len();
        self.0.extend(commit.commit_ids().map(CommitId::digest));
        let length = if added > 1 {
            RECENT_SHARED_MAX
        } else {
            RECENT_MAX.max(before.saturating_sub(1))
        };
        let surplus = self.0.len().saturating_sub(length);
        self.0.drain(..surplus);
    }
}

/// The events of one cause within a commit.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Version of its first event.
    pub first: Version,
    /// The identity of its cause.
    pub commit_id: &'a CommitId,
    /// What its events inherit.
    pub metadata: &'a Metadata,
    /// Its events.
    pub events: &'a [Recorded],
}

/// The causation id of a commit that stores none: what stands in front of the reaction's name.
#[must_use]
pub fn implied_causation_id(commit_id: &CommitId) -> &str {
    commit_id
        .as_str()
        .rsplit_once('/')
        .map_or(commit_id.as_str(), |(cause, _)| cause)
}

impl Commit {
    /// The commit of `events` right behind version `head`.
    pub(crate) fn new<A: Aggregate>(
        stream: &StreamId,
        head: Version,
        cause: &Cause,
        time: Timestamp,
        events: &[A::Event],
    ) -> Self {
        let recorded = events.iter().enumerate().map(|(index, event)| Recorded {
            event_id: cause.event_id(index),
            event_type: event.event_type().to_owned(),
            schema_version: event.schema_version(),
            data: event.data(),
        });
        Self {
            stream: stream.clone(),
            first: head.next(),
            commit_id: cause.commit_id().clone(),
            time,
            metadata: cause.metadata(),
            events: recorded.collect(),
            joined: Vec::new(),
            payload: None,
            carried: None,
        }
    }

    /// Has another commit, the next one on the stream, share this one.
    pub(crate) fn join(&mut self, next: Self) {
        self.joined.push(Joined {
            events: next.events.len(),
            commit_id: next.commit_id,
            metadata: next.metadata,
        });
        self.events.extend(next.events);
    }

    /// The ids of all causes in it.
    pub fn commit_ids(&self) -> impl Iterator<Item = &CommitId> {
        let joined = self.joined.iter().map(|joined| &joined.commit_id);
        std::iter::once(&self.commit_id).chain(joined)
    }

    /// The events of each cause.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let joined: usize = self.joined.iter().map(|joined| joined.events).sum();
        let own = self.events.len().saturating_sub(joined);
        let causes = std::iter::once((own, &self.commit_id, &self.metadata)).chain(
            self.joined
                .iter()
                .map(|joined| (joined.events, &joined.commit_id, &joined.metadata)),
        );
        let mut start = 0;
        causes.map(move |(events, commit_id, metadata)| {
            let end = (start + events).min(self.events.len());
            let part = Part {
                first: self.first.plus(start as u64),
                commit_id,
                metadata,
                events: &self.events[start..end],
            };
            start = end;
            part
        })
    }

    /// Version of the last event in it.
    #[must_use]
    pub fn last(&self) -> Version {
        Version::new(self.first.get() + self.events.len() as u64 - 1)
    }

    /// Whether it carries a state of this layout that is not newer than version `until`.
    #[must_use]
    pub fn carries(&self, layout: u32, until: Version) -> bool {
        let carried = self.carried.as_ref();
        self.last() <= until && carried.is_some_and(|carried| carried.layout == layout)
    }

    /// The correlation id, unless it is the commit id: then it need not be stored.
    #[must_use]
    pub fn own_correlation_id(&self) -> Option<&str> {
        joined::own_correlation_id(&self.commit_id, &self.metadata)
    }

    /// The causation id, unless the commit id implies it: then it need not be stored. Empty if there
    /// is none.
    #[must_use]
    pub fn own_causation_id(&self) -> Option<&str> {
        joined::own_causation_id(&self.commit_id, &self.metadata)
    }

    /// The commit, if its events have their data: to be asked by whoever reads a table itself, and
    /// not through `ClaimChecked`.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] for a commit whose data are beside the table.
    pub fn whole(&self) -> Result<&Self, ReadError> {
        match &self.payload {
            None => Ok(self),
            Some(key) => Err(ReadError::Corrupt {
                stream: self.stream.to_string(),
                version: self.first.get(),
                what: format!(
                    "the data of its events are in the object `{key}`: read it through ClaimChecked"
                ),
            }),
        }
    }

    /// Its events in the form of the wire.
    ///
    /// # Panics
    /// If their data are not here ([`whole`](Commit::whole) asks first): events without data must
    /// not get about.
    #[must_use]
    pub fn envelopes(&self) -> Vec<Envelope> {
        assert!(
            self.payload.is_none(),
            "the data of {} version {} were not fetched",
            self.stream,
            self.first
        );
        self.parts()
            .flat_map(|part| self.envelopes_of(part))
            .collect()
    }

    /// The events of one of its parts in the form of the wire; without data, where these are elsewhere.
    pub(crate) fn envelopes_of<'a>(
        &'a self,
        part: Part<'a>,
    ) -> impl Iterator<Item = Envelope> + 'a {
        let events = part.events.iter().enumerate();
        events.map(move |(index, event)| Envelope {
            event_id: event
                .event_id
                .clone()
                .unwrap_or_else(|| part.commit_id.event_id(&self.stream, index)),
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            timestamp: self.time,
            aggregate_type: self.stream.aggregate_type().to_owned(),
            aggregate_id: self.stream.aggregate_id().to_owned(),
            version: part.first.plus(index as u64),
            data: event.data.clone(),
            metadata: part.metadata.clone(),
        })
    }
}
