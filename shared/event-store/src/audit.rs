//! The account of one aggregate: who did what, when, and why.
//!
//! It is made from commits and not from events, because only the commit's id tells which reaction
//! answered; the wire does not say it. The data of the events is not in it: who may read an account
//! need not be one who may read everything.

use std::fmt;
use std::ops::RangeInclusive;

use envelope::{ACTOR, CorrelationId, EventId, Timestamp, Version};
use serde::Serialize;
use serde_json::Value;

use crate::commit::Part;
use crate::{Commit, UnreadableHistory};

/// One event, as an auditor asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was stored.
    pub when: Timestamp,
    /// Its position in the stream.
    pub version: Version,
    /// What happened.
    pub event_type: String,
    /// Which event it is.
    pub event_id: EventId,
    /// On whose behalf, if the cause says so: see [`Cause::by`](envelope::Cause::by). It is what
    /// was said, and as true as who said it is trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The name of the reaction that did it, unless it was a command or another system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
    /// Id of the command or event that caused it; none if another system sent it without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
    /// The story that it belongs to.
    pub correlation_id: CorrelationId,
}

impl Entry {
    /// The entries of all events of some commits whose versions are in the range, in order. The
    /// commits are those of one stream that [`Load::read`](crate::Load::read) returns for the range.
    ///
    /// # Errors
    /// [`UnreadableHistory::Hole`] if a commit is missing: an account is whole or there is none.
    pub fn of(
        commits: &[Commit],
        versions: &RangeInclusive<Version>,
    ) -> Result<Vec<Self>, UnreadableHistory> {
        without_holes(commits, *versions.start())?;
        let parts = commits.iter().flat_map(|commit| {
            let parts = commit.parts();
            parts.flat_map(move |part| Self::of_part(commit, part))
        });
        Ok(parts
            .filter(|entry| versions.contains(&entry.version))
            .collect())
    }

    fn of_part<'a>(commit: &'a Commit, part: Part<'a>) -> impl Iterator<Item = Self> + 'a {
        let metadata = part.metadata;
        let caused_by = metadata.causation_id.clone();
        let reaction = caused_by.as_ref().filter(|_| metadata.hops > 0);
        let reaction = reaction.and_then(|cause| {
            let name = part.commit_id.as_str().strip_prefix(cause.as_str())?;
            name.strip_prefix('/').map(str::to_owned)
        });
        let actor = metadata.extra.get(ACTOR).map(|actor| match actor {
            Value::String(name) => name.clone(),
            other => other.to_string(),
        });
        commit.envelopes_of(part).map(move |event| Self {
            when: event.timestamp,
            version: event.version,
            event_type: event.event_type,
            event_id: event.event_id,
            actor: actor.clone(),
            reaction: reaction.clone(),
            caused_by: caused_by.clone(),
            correlation_id: event.metadata.correlation_id,
        })
    }
}

/// In one line: `2026-11-21T10:00:00Z v3 OrderPlaced by customer-7 because of place-1 in story-1`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} {}", self.when, self.version, self.event_type)?;
        if let Some(actor) = &self.actor {
            write!(f, " by {actor}")?;
        }
        if let Some(reaction) = &self.reaction {
            write!(f, " through {reaction}")?;
        }
        if let Some(cause) = &self.caused_by {
            write!(f, " because of {cause}")?;
        }
        write!(f, " in {}", self.correlation_id)
    }
}

/// Checks that each commit follows the one before it, and that the first holds version `from`.
pub(crate) fn without_holes(commits: &[Commit], from: Version) -> Result<(), UnreadableHistory> {
    let mut version = Version::new(from.get().saturating_sub(1));
    for commit in commits {
        if commit.first > version.next() {
            return Err(UnreadableHistory::Hole {
                stream: commit.stream.to_string(),
                version,
                found: commit.first,
            });
        }
        version = commit.last();
    }
    Ok(())
}
