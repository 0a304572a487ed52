//! The shipment of one order: the record of what the carrier answered.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Aggregate;
use crate::events::{OrderShipped, PaymentCompleted, ShipmentFailed};

event_set! {
    /// What can happen to a shipment.
    pub enum ShipmentEvent { OrderShipped, ShipmentFailed }
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
}

/// Requests to a shipment.
#[derive(Debug, Clone)]
pub enum Command {
    /// Record that the carrier took the parcel.
    RecordPickup {
        /// What was paid for.
        paid: PaymentCompleted,
        /// The carrier's number.
        tracking_number: String,
    },
    /// Record that the carrier refused.
    RecordRefusal {
        /// What was paid for.
        paid: PaymentCompleted,
        /// The carrier's reason.
        reason: String,
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
    const LAYOUT: u32 = 0x4355_7753;

    fn decide(state: &State, command: &Command) -> Result<Vec<ShipmentEvent>, Rejection> {
        Ok(match (state, command) {
            (
                State::Absent,
                Command::RecordPickup {
                    paid,
                    tracking_number,
                },
            ) => {
                vec![ShipmentEvent::OrderShipped(OrderShipped {
                    order_id: paid.order_id.clone(),
                    customer_id: paid.customer_id.clone(),
                    tracking_number: tracking_number.clone(),
                })]
            }
            (State::Absent, Command::RecordRefusal { paid, reason }) => {
                vec![ShipmentEvent::ShipmentFailed(ShipmentFailed {
                    order_id: paid.order_id.clone(),
                    customer_id: paid.customer_id.clone(),
                    reason: reason.clone(),
                })]
            }
            // Answered before.
            (State::Shipped | State::Failed, _) => vec![],
        })
    }

    fn evolve(_: State, event: &ShipmentEvent) -> State {
        match event {
            ShipmentEvent::OrderShipped(_) => State::Shipped,
            ShipmentEvent::ShipmentFailed(_) => State::Failed,
        }
    }
}
