//! A commit: what is stored, and what it says as envelopes.

use envelope::{
    Aggregate, Cause, CommitId, Envelope, Event, EventId, Metadata, StreamId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many recent commits a carried state remembers.
pub const RECENT_MAX: usize = 8;

/// All events that one cause led to in one stream. Atomic: it is there as a whole or not at all.
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
    #[serde(rename = "d")]
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

    /// Adds a commit, and forgets the oldest beyond [`RECENT_MAX`].
    pub fn push(&mut self, commit_id: &CommitId) {
        if self.0.len() >= RECENT_MAX {
            self.0.drain(..=self.0.len() - RECENT_MAX);
        }
        self.0.push(commit_id.digest());
    }
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
            carried: None,
        }
    }

    /// Version of the last event in it.
    #[must_use]
    pub fn last(&self) -> Version {
        Version::new(self.first.get() + self.events.len() as u64 - 1)
    }

    /// The correlation id, unless it is the commit id: then it need not be stored.
    #[must_use]
    pub fn own_correlation_id(&self) -> Option<&str> {
        let id = self.metadata.correlation_id.as_str();
        (id != self.commit_id.as_str()).then_some(id)
    }

    /// The causation id, unless the commit id implies it: then it need not be stored. Empty if there
    /// is none.
    #[must_use]
    pub fn own_causation_id(&self) -> Option<&str> {
        let id = self.metadata.causation_id.as_deref().unwrap_or_default();
        (id != implied_causation_id(&self.commit_id)).then_some(id)
    }

    /// Its events in the form of the wire.
    #[must_use]
    pub fn envelopes(&self) -> Vec<Envelope> {
        let envelope = |(index, event): (usize, &Recorded)| Envelope {
            event_id: event
                .event_id
                .clone()
                .unwrap_or_else(|| self.commit_id.event_id(&self.stream, index)),
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            timestamp: self.time,
            aggregate_type: self.stream.aggregate_type().to_owned(),
            aggregate_id: self.stream.aggregate_id().to_owned(),
            version: self.first.plus(index as u64),
            data: event.data.clone(),
            metadata: self.metadata.clone(),
        };
        self.events.iter().enumerate().map(envelope).collect()
    }
}
