//! The event envelope: the wire form that every event has on every bus, queue and page.
//!
//! An [`Envelope`] can only be made from a [`Cause`] or from the wire. That is how correlation,
//! causation, trace context and the hop count are carried on by construction: a handler never
//! writes them, so it cannot forget them.
//!
//! The crate is pure: no I/O, no clock, no randomness. Identities of events are derived from what
//! caused them, so that a reaction that runs twice names its events the same both times.

mod aggregate;
mod cause;
mod cloud_events;
mod event;
mod event_data;
mod event_set;
mod ids;
mod inbound;
mod seal;
mod timestamp;
mod traceparent;
mod wire;

pub use aggregate::{Aggregate, UnknownEvents};
pub use cause::{ACTOR, ATTEMPT, Cause, HOPS_MAX, SAGA, TooManyHops};
pub use cloud_events::{CloudEventError, to_cloud_event};
pub use event::{Event, EventData, UnreadableEvent, Upcaster};
pub use ids::{CommandId, CommitId, CorrelationId, EventId, InvalidId, StreamId, Version};
pub use inbound::{Inbound, MalformedEvent};
pub use seal::{Forged, Sealer};
pub use timestamp::Timestamp;
pub use traceparent::{InvalidTraceparent, Traceparent};
pub use wire::{Envelope, Metadata};

/// What [`event_set!`] writes about, so that its users need no dependency on it.
#[doc(hidden)]
pub mod event_set_json {
    pub use serde_json::{Value, to_value};
}
