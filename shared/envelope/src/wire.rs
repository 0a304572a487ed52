//! The envelope as it stands on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CorrelationId, Event, EventData, EventId, StreamId, Timestamp, Traceparent, UnreadableEvent,
    Version,
};

/// An immutable fact with everything that is needed to route, order, deduplicate and trace it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Unique for ever; a second event with this id is the first one, delivered again.
    pub event_id: EventId,
    /// What happened, in the past tense: `OrderPlaced`.
    pub event_type: String,
    /// Version of the schema of `data`, from 1.
    pub schema_version: u32,
    /// When it was stored.
    pub timestamp: Timestamp,
    /// Kind of the aggregate whose stream the event is in.
    pub aggregate_type: String,
    /// Id of that aggregate.
    pub aggregate_id: String,
    /// Position in that stream, from 1.
    pub version: Version,
    /// The fact itself; its shape is the schema of `eventType` at `schemaVersion`.
    pub data: Value,
    /// Where it came from.
    pub metadata: Metadata,
}

/// Where an event came from, and what it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The story that the event belongs to.
    pub correlation_id: CorrelationId,
    /// Id of the event or command that caused it; absent on an event that another system sent without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub causation_id: Option<String>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<Traceparent>,
    /// How many reactions lie between the first cause and this event: the guard against loops.
    #[serde(default)]
    pub hops: u32,
    /// The relay's mark that this event was read from the store.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seal: Option<String>,
    /// Whatever else a producer said, kept as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Envelope {
    /// The stream that the event is in.
    ///
    /// # Errors
    /// [`InvalidId`](crate::InvalidId) when type or id came over the wire and cannot be a key.
    pub fn stream(&self) -> Result<StreamId, crate::InvalidId> {
        StreamId::new(&self.aggregate_type, &self.aggregate_id)
    }

    /// The data of this one type.
    ///
    /// # Errors
    /// [`UnreadableEvent`] for an event of another type or version, or of another shape.
    pub fn read<D: EventData>(&self) -> Result<D, UnreadableEvent> {
        if self.event_type != D::TYPE {
            return Err(UnreadableEvent::unknown(
                &self.event_type,
                self.schema_version,
            ));
        }
        UnreadableEvent::read(self.schema_version, &self.data)
    }

    /// What a service is asked for: the data of the command, or what it makes of the event that it reacts to
    /// where nobody commands.
    ///
    /// # Errors
    /// [`UnreadableEvent`] like those of [`read`](Envelope::read), for a message of any other type, too.
    pub fn asked<C: EventData, E: EventData + Into<C>>(&self) -> Result<C, UnreadableEvent> {
        if self.event_type == C::TYPE {
            return self.read();
        }
        Ok(self.read::<E>()?.into())
    }

    /// The typed event.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when `E` does not know the type, or the data does not have its shape.
    pub fn decode<E: Event>(&self) -> Result<E, UnreadableEvent> {
        E::decode(&self.event_type, self.schema_version, &self.data)
    }
}
