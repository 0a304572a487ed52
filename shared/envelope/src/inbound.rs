//! An event as another system sends it: our own form, or a CloudEvents 1.0 JSON event.
//!
//! The reader is tolerant where leaving something out does no harm (a sender knows nothing of our
//! streams, so `version`, `aggregateType` and `metadata` may be missing), and strict about what
//! identity and meaning hang on: `eventId`, `eventType` and `data`.

use serde::Deserialize;
use serde_json::Value;

use crate::event::masked;
use crate::{Cause, CorrelationId, EventId, Metadata, Timestamp, cloud_events};

/// What another system sent, before its data was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// The sender's id of the event; a second event with it is a duplicate.
    pub event_id: EventId,
    /// What it says happened.
    pub event_type: String,
    /// Version of the schema of `data`; 1 if the sender did not say.
    pub schema_version: u32,
    /// Which aggregate the sender says it is about.
    pub aggregate_id: Option<String>,
    /// When the sender says it happened.
    pub timestamp: Option<Timestamp>,
    /// The fact itself, not yet checked against its schema.
    pub data: Value,
    /// Story, cause and trace. A story without a name is named after the event.
    pub metadata: Metadata,
}

/// A message that is not an event.
#[derive(Debug, thiserror::Error)]
pub enum MalformedEvent {
    /// It has neither form.
    #[error("not an event: {0}")]
    Envelope(String),
    /// It is a CloudEvents event that cannot be mapped.
    #[error(transparent)]
    CloudEvent(#[from] cloud_events::CloudEventError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    event_id: EventId,
    event_type: String,
    #[serde(default = "first")]
    schema_version: u32,
    timestamp: Option<Timestamp>,
    aggregate_id: Option<String>,
    data: Value,
    #[serde(default)]
    metadata: WireMetadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireMetadata {
    pub(crate) correlation_id: Option<CorrelationId>,
    pub(crate) causation_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    #[serde(flatten)]
    pub(crate) extra: std::collections::BTreeMap<String, Value>,
}

const fn first() -> u32 {
    1
}

impl Inbound {
    /// Reads the `detail` of an EventBridge event.
    ///
    /// # Errors
    /// [`MalformedEvent`], which says what is missing or wrong.
    pub fn read(detail: &Value) -> Result<Self, MalformedEvent> {
        if detail.get("specversion").is_some() {
            return Ok(cloud_events::read(detail)?);
        }
        let wire =
            Wire::deserialize(detail).map_err(|error| MalformedEvent::Envelope(masked(&error)))?;
        let metadata = wire.metadata.complete(&wire.event_id);
        Ok(Self {
            event_id: wire.event_id,
            event_type: wire.event_type,
            schema_version: wire.schema_version,
            aggregate_id: wire.aggregate_id,
            timestamp: wire.timestamp,
            data: wire.data,
            metadata,
        })
    }
}

impl Inbound {
    /// Under what the event is stored: its own id, in its own story. What the sender said about
    /// itself is kept, and when it happened there, as `occurredAt`.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let mut metadata = self.metadata.clone();
        if let Some(timestamp) = self.timestamp {
            metadata
                .extra
                .insert("occurredAt".to_owned(), timestamp.to_string().into());
        }
        Cause::inbound(&self.event_id, &metadata)
    }
}

impl WireMetadata {
    /// What an outsider may not say (hop count and seal) is dropped. A broken `traceparent` starts
    /// a new trace, as the standard asks, rather than costing the event.
    pub(crate) fn complete(mut self, event_id: &EventId) -> Metadata {
        self.extra.remove("hops");
        self.extra.remove("seal");
        Metadata {
            correlation_id: self.correlation_id.unwrap_or_else(|| {
                CorrelationId::new(event_id.as_str()).expect("an event id is an id")
            }),
            causation_id: self.causation_id,
            traceparent: self.traceparent.and_then(|text| text.try_into().ok()),
            hops: 0,
            seal: None,
            extra: self.extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_least_that_is_an_event_starts_a_story_of_its_own() {
        let event =
            Inbound::read(&json!({"eventId": "e-1", "eventType": "OrderPlaced", "data": {}}))
                .expect("an event");
        assert_eq!(
            (event.schema_version, event.metadata.correlation_id.as_str()),
            (1, "e-1")
        );
    }

    #[test]
    fn an_outsider_cannot_bring_a_seal_or_a_hop_count() {
        let event = Inbound::read(&json!({
            "eventId": "e-1", "eventType": "OrderPlaced", "data": {},
            "metadata": {"seal": "00", "hops": 99, "traceparent": "junk", "shop": "web"}
        }))
        .expect("an event");
        assert_eq!(event.metadata.seal, None);
        assert_eq!(event.metadata.hops, 0);
        assert_eq!(event.metadata.traceparent, None);
        assert_eq!(
            event.metadata.extra.into_keys().collect::<Vec<_>>(),
            ["shop"]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Inbound::read(&json!({"eventId": "e-1", "data": {}})).expect_err("no type");
        assert!(error.to_string().contains("eventType"), "{error}");
    }
}
