//! The cause of a commit: what the events in it inherit.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::{CommandId, CommitId, CorrelationId, Envelope, EventId, Metadata, Traceparent};

/// The longest chain of reactions. Lambda's own loop detection does not see a loop that runs
/// through DynamoDB and EventBridge, so a story that gets this long is stopped here.
pub const HOPS_MAX: u32 = 32;

/// The name in the metadata under which an event says on whose behalf it happened.
pub const ACTOR: &str = "actor";

/// The name in the metadata under which an event says at which attempt of its reaction it came about, if
/// it was not the first.
pub const ATTEMPT: &str = "attempt";

/// The name in the metadata under which an event says which saga conducts its story, if any does. All that
/// the event leads to says the same, so that rules can tell whom it concerns.
pub const SAGA: &str = "saga";

/// Why something is about to be stored. Made from a command, from an event that is reacted to, or
/// from an event that another system sent; there is no other way to get one.
#[derive(Debug, Clone)]
pub struct Cause {
    commit_id: CommitId,
    causation_id: Option<String>,
    correlation_id: CorrelationId,
    traceparent: Traceparent,
    hops: u32,
    extra: BTreeMap<String, Value>,
    given_event_id: Option<EventId>,
}

/// A story that has become too long to be anything but a loop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused after {hops} reactions in one story: this is a loop")]
pub struct TooManyHops {
    hops: u32,
}

impl Cause {
    /// A command starts a story of its own, named after it.
    #[must_use]
    pub fn command(id: &CommandId) -> Self {
        let correlation_id = CorrelationId::new(id.as_str()).expect("a command id is an id");
        Self {
            commit_id: CommitId::of_cause(id.as_str(), None),
            causation_id: Some(id.as_str().to_owned()),
            traceparent: trace_of(&correlation_id),
            correlation_id,
            hops: 0,
            extra: BTreeMap::new(),
            given_event_id: None,
        }
    }

    /// `reaction` (the handler's name) answers `event`: the story goes on.
    ///
    /// # Errors
    /// [`TooManyHops`] when the story is [`HOPS_MAX`] reactions long.
    pub fn reaction(event: &Envelope, reaction: &str) -> Result<Self, TooManyHops> {
        let hops = event.metadata.hops.saturating_add(1);
        if hops > HOPS_MAX {
            return Err(TooManyHops { hops });
        }
        let meta = &event.metadata;
        let saga = meta.extra.get_key_value(SAGA);
        Ok(Self {
            commit_id: CommitId::of_cause(event.event_id.as_str(), Some(reaction)),
            causation_id: Some(event.event_id.as_str().to_owned()),
            correlation_id: meta.correlation_id.clone(),
            traceparent: meta
                .traceparent
                .unwrap_or_else(|| trace_of(&meta.correlation_id)),
            hops,
            extra: saga
                .map(|(key, value)| (key.clone(), value.clone()))
                .into_iter()
                .collect(),
            given_event_id: None,
        })
    }

    /// Another system's event is stored as it came: under its own id, in its own story.
    #[must_use]
    pub fn inbound(id: &EventId, metadata: &Metadata) -> Self {
        let mut extra = metadata.extra.clone();
        // Who conducts a story is not for others to say.
        extra.remove(SAGA);
        Self {
            commit_id: CommitId::of_cause(id.as_str(), None),
            causation_id: metadata.causation_id.clone(),
            correlation_id: metadata.correlation_id.clone(),
            traceparent: metadata
                .traceparent
                .unwrap_or_else(|| trace_of(&metadata.correlation_id)),
            hops: 0,
            extra,
            given_event_id: Some(id.clone()),
        }
    }

    /// Says on whose behalf it is: an id, not a name, because it is stored and published with every
    /// event of the commit. Reactions do not inherit it; their causes lead back to it.
    #[must_use]
    pub fn by(mut self, actor: &str) -> Self {
        self.extra.insert(ACTOR.to_owned(), actor.into());
        self
    }

    /// Counts so many hops and not one more than its event: for whoever bounds its own loops, as a saga does,
    /// whose attempts are counted.
    #[must_use]
    pub fn at_hops(mut self, hops: u32) -> Self {
        self.hops = hops;
        self
    }

    /// Says which saga conducts the story from here on.
    #[must_use]
    pub fn conducted_by(mut self, saga: &str) -> Self {
        self.extra.insert(SAGA.to_owned(), saga.into());
        self
    }

    /// Says at which attempt it is reacted to, from 1.
    #[must_use]
    pub fn at_attempt(mut self, attempt: u32) -> Self {
        if attempt > 1 {
            self.extra.insert(ATTEMPT.to_owned(), attempt.into());
        }
        self
    }

    /// The id of the commit that this cause leads to on a stream.
    #[must_use]
    pub fn commit_id(&self) -> &CommitId {
        &self.commit_id
    }

    /// The id of the commit's event at `index`, where it was given: another system's event keeps
    /// its own. All others are derived from the commit's id.
    #[must_use]
    pub fn event_id(&self, index: usize) -> Option<EventId> {
        self.given_event_id.clone().filter(|_| index == 0)
    }

    /// What every event of the commit inherits.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        Metadata {
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            traceparent: Some(self.traceparent.child(self.commit_id.digest())),
            hops: self.hops,
            seal: None,
            extra: self.extra.clone(),
        }
    }
}

/// The trace of a story that began without one, derived from the story's id.
fn trace_of(correlation_id: &CorrelationId) -> Traceparent {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, correlation_id.as_str().as_bytes());
    Traceparent::start(id.as_u128(), id.as_u64_pair().1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StreamId, Timestamp, Version};

    fn stored(cause: &Cause) -> Envelope {
        let stream = StreamId::new("Order", "1").expect("valid");
        Envelope {
            event_id: cause.commit_id().event_id(&stream, 0),
            event_type: "OrderPlaced".into(),
            schema_version: 1,
            timestamp: Timestamp::from_millis(0),
            aggregate_type: "Order".into(),
            aggregate_id: "1".into(),
            version: Version::new(1),
            data: Value::Null,
            metadata: cause.metadata(),
        }
    }

    #[test]
    fn a_reaction_carries_the_story_on() {
        let first = stored(&Cause::command(&CommandId::new("place-1").expect("valid")));
        let next = Cause::reaction(&first, "reserve-inventory")
            .expect("short story")
            .metadata();
        assert_eq!(next.correlation_id, first.metadata.correlation_id);
        assert_eq!(next.causation_id.as_deref(), Some(first.event_id.as_str()));
        assert_eq!(next.hops, 1);
        let (before, after) = (first.metadata.traceparent, next.traceparent);
        let trace = |t: Option<Traceparent>| t.map(|t| t.to_string()[..35].to_owned());
        assert_eq!(trace(before), trace(after), "one trace");
        assert_ne!(before, after, "another span");
    }

    #[test]
    fn an_actor_is_in_the_metadata_and_ends_with_the_commit() {
        let command = Cause::command(&CommandId::new("c").expect("valid")).by("clerk-7");
        let event = stored(&command);
        assert_eq!(event.metadata.extra[ACTOR], "clerk-7");
        let third = stored(
            &Cause::reaction(&event, "echo")
                .expect("short")
                .at_attempt(3),
        );
        assert_eq!(third.metadata.extra[ATTEMPT], 3);
        let next = Cause::reaction(&third, "echo")
            .expect("short")
            .at_attempt(1);
        assert!(next.metadata().extra.is_empty());
    }

    #[test]
    fn the_mark_of_a_saga_is_handed_on_and_never_taken_from_outside() {
        let command = Cause::command(&CommandId::new("c").expect("valid"));
        let event = stored(&command.conducted_by("OrderSaga"));
        let next = stored(&Cause::reaction(&event, "charge-payment").expect("short"));
        assert_eq!(next.metadata.extra[SAGA], "OrderSaga");
        let inbound = Cause::inbound(&event.event_id, &event.metadata);
        assert!(inbound.metadata().extra.is_empty());
    }

    #[test]
    fn two_reactions_to_one_event_are_two_commits() {
        let event = stored(&Cause::command(&CommandId::new("c").expect("valid")));
        let one = Cause::reaction(&event, "email-customer").expect("short");
        let two = Cause::reaction(&event, "text-customer").expect("short");
        assert_ne!(one.commit_id(), two.commit_id());
    }

    #[test]
    fn a_loop_is_refused_at_the_limit() {
        let mut event = stored(&Cause::command(&CommandId::new("c").expect("valid")));
        event.metadata.hops = HOPS_MAX - 1;
        assert!(Cause::reaction(&event, "echo").is_ok());
        event.metadata.hops = HOPS_MAX;
        assert_eq!(
            Cause::reaction(&event, "echo").err(),
            Some(TooManyHops { hops: HOPS_MAX + 1 })
        );
    }
}
