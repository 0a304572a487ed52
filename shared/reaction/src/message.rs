//! One delivered message, before anyone knows whether it is an event.

use envelope::{Envelope, Timestamp};
use serde_json::{Value, json};

/// The longest id or type that is believed, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's id of it; `None` if it did not come through a queue.
    pub id: Option<String>,
    /// What the queue knows this delivery by.
    pub receipt: Option<String>,
    /// Its body: an EventBridge event, or, if that is not JSON, its text.
    pub body: Value,
    /// The number of this delivery, from 1.
    pub attempt: u32,
}

impl Message {
    /// A message that Lambda was invoked with directly.
    #[must_use]
    pub fn bare(body: Value) -> Self {
        Self {
            id: None,
            receipt: None,
            body,
            attempt: 1,
        }
    }

    /// A record of an SQS event.
    #[must_use]
    pub fn of_record(record: &Value) -> Self {
        let body = record["body"].as_str().unwrap_or_default();
        let attempt = record["attributes"]["ApproximateReceiveCount"].as_str();
        Self {
            id: record["messageId"].as_str().map(str::to_owned),
            receipt: record["receiptHandle"].as_str().map(str::to_owned),
            body: serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())),
            attempt: attempt.and_then(|count| count.parse().ok()).unwrap_or(1),
        }
    }

    /// The body in which a rule puts an event into a queue, as far as anything here reads it: for
    /// whoever has an event come again.
    #[must_use]
    pub fn body_of(event: &Envelope) -> Value {
        json!({ "detail-type": event.event_type, "detail": event })
    }

    /// The event in it.
    #[must_use]
    pub fn detail(&self) -> &Value {
        &self.body["detail"]
    }

    /// Whether it has the form of CloudEvents.
    #[must_use]
    pub fn is_cloud_event(&self) -> bool {
        self.detail().get("specversion").is_some()
    }

    /// The event's id, as far as one can be made out.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.either("/detail/eventId", "/detail/id")
    }

    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.either("/detail/eventType", "/detail/type")
    }

    /// The story that it belongs to.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.either("/detail/metadata/correlationId", "/detail/correlationid")
    }

    /// When it happened.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.either("/detail/timestamp", "/detail/time")
            .and_then(Timestamp::parse)
    }

    /// A text of our own form, or of a CloudEvents event, if it is short enough to be what it should
    /// be: anybody can send anything, and these end in logs.
    fn either(&self, own: &str, cloud_event: &str) -> Option<&str> {
        let pointer = if self.is_cloud_event() {
            cloud_event
        } else {
            own
        };
        let text = self.body.pointer(pointer)?.as_str()?;
        (text.len() <= TEXT_BYTES_MAX).then_some(text)
    }
}
