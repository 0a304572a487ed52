//! The shipment of one order: the record of what the carrier answered, and of its recall.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::ShipOrder;
use crate::events::{OrderShipped, ShipmentCancelled, ShipmentFailed};
use crate::{Aggregate, OrderId};

event_set! {
    /// What can happen to a shipment.
    pub enum ShipmentEvent { OrderShipped, ShipmentFailed, ShipmentCancelled }
}

/// Marker of the shipment aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Shipment;

/// Where a shipment stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Nobody asked for it yet.
    #[default]
    Absent,
    /// The carrier took the parcel.
    Shipped,
    /// The carrier refused it.
    Failed,
    /// The order was cancelled: the parcel was recalled, or nothing is sent.
    Cancelled,
}

/// Requests to a shipment.
#[derive(Debug, Clone)]
pub enum Command {
    /// Record that the carrier took the parcel.
    RecordPickup {
        /// What was to be sent.
        order: ShipOrder,
        /// The carrier's number.
        tracking_number: String,
    },
    /// Record that the carrier refused.
    RecordRefusal {
        /// What was to be sent.
        order: ShipOrder,
        /// The carrier's reason.
        reason: String,
    },
    /// The order is cancelled: send nothing from now on. A parcel that was taken is recalled instead.
    Cancel {
        /// The order.
        order_id: OrderId,
    },
    /// Record that the carrier recalled the parcel.
    RecordRecall {
        /// The order.
        order_id: OrderId,
    },
}

/// A shipment refuses nothing: it records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {}

impl Aggregate for Shipment {
    type State = State;
    type Event = ShipmentEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Shipment";
    const LAYOUT: u32 = 0xd012_e5fc;

    fn decide(state: &State, command: &Command) -> Result<Vec<ShipmentEvent>, Rejection> {
        Ok(match (state, command) {
            (
                State::Absent,
                Command::RecordPickup {
                    order,
                    tracking_number,
                },
            ) => {
                vec![ShipmentEvent::OrderShipped(OrderShipped {
                    order_id: order.order_id.clone(),
                    customer_id: order.customer_id.clone(),
                    tracking_number: tracking_number.clone(),
                })]
            }
            (State::Absent, Command::RecordRefusal { order, reason }) => {
                vec![ShipmentEvent::ShipmentFailed(ShipmentFailed {
                    order_id: order.order_id.clone(),
                    customer_id: order.customer_id.clone(),
                    reason: reason.clone(),
                })]
            }
            (State::Absent, Command::Cancel { order_id })
            | (State::Shipped, Command::RecordRecall { order_id }) => {
                vec![ShipmentEvent::ShipmentCancelled(ShipmentCancelled {
                    order_id: order_id.clone(),
                })]
            }
            // Answered before, or there is no parcel to recall.
            (State::Shipped | State::Failed | State::Cancelled, _)
            | (State::Absent, Command::RecordRecall { .. }) => vec![],
        })
    }

    fn evolve(_: State, event: &ShipmentEvent) -> State {
        match event {
            ShipmentEvent::OrderShipped(_) => State::Shipped,
            ShipmentEvent::ShipmentFailed(_) => State::Failed,
            ShipmentEvent::ShipmentCancelled(_) => State::Cancelled,
        }
    }
}
