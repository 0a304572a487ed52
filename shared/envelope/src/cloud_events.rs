//! CloudEvents 1.0 JSON, both ways.
//!
//! | CloudEvents | envelope |
//! |---|---|
//! | `source` and `id` together | `eventId` (a UUID derived from both: an `id` is unique only within its `source`) |
//! | `id` | `metadata.cloudEventId` |
//! | `type` = `[reverse.dns.]<EventType>[.v<N>]` | `eventType`, `schemaVersion` (1 without `.vN`) |
//! | `source` | `metadata.source` |
//! | `subject` = `<aggregateType>/<aggregateId>` or `<aggregateId>` | `aggregateType`, `aggregateId` |
//! | `time` | `timestamp` |
//! | `sequence` (extension; written only) | `version` |
//! | `correlationid`, `causationid` (extensions) | `metadata.correlationId`, `metadata.causationId` |
//! | `traceparent` (distributed tracing extension) | `metadata.traceparent` |
//! | `data` | `data` |
//!
//! `data_base64` is refused: every event of this system is JSON.
//! Specification: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::event::masked;
use crate::inbound::WireMetadata;
use crate::{CorrelationId, Envelope, EventId, Inbound, Timestamp};

/// A CloudEvents event that cannot become an envelope.
#[derive(Debug, thiserror::Error)]
pub enum CloudEventError {
    /// A required attribute is missing, or one has the wrong type.
    #[error("not a CloudEvents event: {0}")]
    Attributes(String),
    /// Its id is empty.
    #[error("a CloudEvents id must not be empty")]
    NoId,
    /// It follows another version of the specification.
    #[error("CloudEvents specversion {0:?} is not supported, only \"1.0\"")]
    SpecVersion(String),
    /// Its type does not name an event type.
    #[error(
        "CloudEvents type {0:?} does not end in an event type like OrderPlaced or OrderPlaced.v1"
    )]
    Type(String),
    /// It carries bytes.
    #[error("CloudEvents data must be JSON in `data`")]
    NoJsonData,
}

#[derive(Deserialize)]
struct Wire {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    subject: Option<String>,
    time: Option<Timestamp>,
    correlationid: Option<CorrelationId>,
    causationid: Option<String>,
    traceparent: Option<String>,
    data: Option<Value>,
}

pub(crate) fn read(event: &Value) -> Result<Inbound, CloudEventError> {
    let wire =
        Wire::deserialize(event).map_err(|error| CloudEventError::Attributes(masked(&error)))?;
    if wire.specversion != "1.0" {
        return Err(CloudEventError::SpecVersion(shortened(&wire.specversion)));
    }
    if wire.id.is_empty() {
        return Err(CloudEventError::NoId);
    }
    let Some((event_type, schema_version)) = split_type(&wire.kind) else {
        return Err(CloudEventError::Type(shortened(&wire.kind)));
    };
    let event_id = EventId::of_cloud_event(&wire.source, &wire.id);
    let metadata = WireMetadata {
        correlation_id: wire.correlationid,
        causation_id: wire.causationid,
        traceparent: wire.traceparent,
        extra: BTreeMap::from([
            ("source".to_owned(), Value::String(wire.source)),
            ("cloudEventId".to_owned(), Value::String(wire.id)),
        ]),
    };
    Ok(Inbound {
        metadata: metadata.complete(&event_id),
        event_id,
        event_type,
        schema_version,
        aggregate_id: wire.subject.map(|subject| match subject.rsplit_once('/') {
            Some((_, id)) => id.to_owned(),
            None => subject,
        }),
        timestamp: wire.time,
        data: wire.data.ok_or(CloudEventError::NoJsonData)?,
    })
}

/// The beginning of a sender's text: enough to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// `com.shop.OrderPlaced.v2` → (`OrderPlaced`, 2).
fn split_type(kind: &str) -> Option<(String, u32)> {
    let mut parts = kind.rsplit('.');
    let last = parts.next()?;
    let version = last
        .strip_prefix('v')
        .and_then(|digits| digits.parse().ok());
    let (name, version) = match version {
        Some(version) => (parts.next()?, version),
        None => (last, 1),
    };
    name.starts_with(|c: char| c.is_ascii_uppercase())
        .then(|| (name.to_owned(), version))
}

/// Writes an envelope as a CloudEvents 1.0 JSON event. `source` is a URI reference that says which system sends it.
#[must_use]
pub fn to_cloud_event(envelope: &Envelope, source: &str) -> Value {
    let meta = &envelope.metadata;
    let mut event = json!({
        "specversion": "1.0",
        "id": envelope.event_id,
        "source": source,
        "type": format!("{}.v{}", envelope.event_type, envelope.schema_version),
        "subject": format!("{}/{}", envelope.aggregate_type, envelope.aggregate_id),
        "time": envelope.timestamp,
        // The sequence extension is a string that sorts as text.
        "sequence": format!("{:020}", envelope.version.get()),
        "datacontenttype": "application/json",
        "correlationid": meta.correlation_id,
        "data": envelope.data,
    });
    if let Some(causation_id) = &meta.causation_id {
        event["causationid"] = json!(causation_id);
    }
    if let Some(traceparent) = meta.traceparent {
        event["traceparent"] = json!(traceparent);
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StreamId, Version};

    fn order_placed() -> Value {
        json!({
            "specversion": "1.0", "id": "ce-1", "source": "/shops/web", "type": "com.shop.OrderPlaced.v1",
            "subject": "Order/ord-1", "time": "2026-11-21T10:00:00Z", "correlationid": "story-1",
            "causationid": "cart-9", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "data": {"orderId": "ord-1"}
        })
    }

    #[test]
    fn a_cloud_event_maps_to_the_envelope_and_back() {
        let inbound = read(&order_placed()).expect("valid");
        assert_eq!(
            (inbound.event_type.as_str(), inbound.schema_version),
            ("OrderPlaced", 1)
        );
        assert_eq!(inbound.aggregate_id.as_deref(), Some("ord-1"));
        let cause = inbound.cause();
        let stream = StreamId::new("Order", "ord-1").expect("valid");
        let envelope = Envelope {
            event_id: inbound.event_id.clone(),
            event_type: inbound.event_type.clone(),
            schema_version: inbound.schema_version,
            timestamp: inbound.timestamp.expect("given"),
            aggregate_type: stream.aggregate_type().into(),
            aggregate_id: stream.aggregate_id().into(),
            version: Version::new(1),
            data: inbound.data.clone(),
            metadata: cause.metadata(),
        };
        let written = to_cloud_event(&envelope, "/event-router");
        let again = read(&written).expect("our own output is a CloudEvents event");
        assert_eq!(
            written["id"],
            inbound.event_id.as_str(),
            "our id is unique in our source"
        );
        assert_eq!(again.data, inbound.data);
        assert_eq!(again.timestamp, inbound.timestamp);
        assert_eq!(again.aggregate_id, inbound.aggregate_id);
        assert_eq!(
            again.metadata.correlation_id,
            inbound.metadata.correlation_id
        );
        assert_eq!(again.metadata.causation_id, inbound.metadata.causation_id);
    }

    #[test]
    fn an_id_counts_only_within_its_source() {
        let first = read(&order_placed()).expect("valid");
        let mut other = order_placed();
        other["source"] = json!("/shops/paris");
        assert_ne!(read(&other).expect("valid").event_id, first.event_id);
        assert_eq!(
            read(&order_placed()).expect("valid").event_id,
            first.event_id
        );
        assert_eq!(first.metadata.extra["cloudEventId"], "ce-1");
    }

    #[test]
    fn what_cannot_be_mapped_says_why() {
        let cases: [(&str, Value, &str); 4] = [
            ("specversion", json!("0.3"), "0.3"),
            ("type", json!("com.shop.order-placed"), "order-placed"),
            ("id", json!(""), "must not be empty"),
            ("data", Value::Null, "data"),
        ];
        for (attribute, value, expected) in cases {
            let mut event = order_placed();
            event[attribute] = value;
            let error = read(&event).expect_err(attribute);
            assert!(error.to_string().contains(expected), "{attribute}: {error}");
        }
    }
}
