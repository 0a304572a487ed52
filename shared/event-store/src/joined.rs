//! Commands that share a commit: what each behind the first brings along of its own.
//!
//! The stored form leaves out what the commit id implies, as the item of a commit does: with many
//! small commands in one item, identities are most of its bytes.

use envelope::{CommitId, CorrelationId, Metadata, Traceparent};
use serde::{Deserialize, Serialize};

use crate::commit::implied_causation_id;

/// One more cause whose events stand in a commit, behind those of the causes before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Joined {
    /// How many of the commit's events are its own; at least one.
    pub events: usize,
    /// Its identity.
    pub commit_id: CommitId,
    /// What its events inherit.
    pub metadata: Metadata,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "n")]
    events: usize,
    #[serde(rename = "c")]
    commit_id: String,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// Empty if there is none; missing if the commit id implies it.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Traceparent>,
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    hops: u32,
    #[serde(rename = "m", default, skip_serializing_if = "Extra::is_empty")]
    extra: Extra,
}

type Extra = std::collections::BTreeMap<String, serde_json::Value>;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
const fn is_zero(hops: &u32) -> bool {
    *hops == 0
}

/// The correlation id, unless it is the commit id: then it need not be stored.
pub(crate) fn own_correlation_id<'a>(id: &CommitId, metadata: &'a Metadata) -> Option<&'a str> {
    let correlation_id = metadata.correlation_id.as_str();
    (correlation_id != id.as_str()).then_some(correlation_id)
}

/// The causation id, unless the commit id implies it: then it need not be stored. Empty if there
/// is none.
pub(crate) fn own_causation_id<'a>(id: &CommitId, metadata: &'a Metadata) -> Option<&'a str> {
    let causation_id = metadata.causation_id.as_deref().unwrap_or_default();
    (causation_id != implied_causation_id(id)).then_some(causation_id)
}

impl From<Joined> for Stored {
    fn from(joined: Joined) -> Self {
        let (id, metadata) = (&joined.commit_id, &joined.metadata);
        Self {
            events: joined.events,
            commit_id: id.as_str().to_owned(),
            correlation_id: own_correlation_id(id, metadata).map(str::to_owned),
            causation_id: own_causation_id(id, metadata).map(str::to_owned),
            traceparent: metadata.traceparent,
            hops: metadata.hops,
            extra: joined.metadata.extra,
        }
    }
}

impl TryFrom<Stored> for Joined {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, &'static str> {
        if stored.events == 0 || stored.commit_id.is_empty() {
            return Err("a cause without events or without an id");
        }
        let commit_id = CommitId::from_stored(stored.commit_id);
        let correlation_id = stored.correlation_id.as_deref();
        let causation_id = match stored.causation_id {
            Some(id) => id,
            None => implied_causation_id(&commit_id).to_owned(),
        };
        Ok(Self {
            events: stored.events,
            metadata: Metadata {
                correlation_id: CorrelationId::new(correlation_id.unwrap_or(commit_id.as_str()))
                    .map_err(|_| "a correlation id that is none")?,
                causation_id: (!causation_id.is_empty()).then_some(causation_id),
                traceparent: stored.traceparent,
                hops: stored.hops,
                seal: None,
                extra: stored.extra,
            },
            commit_id,
        })
    }
}
