//! What inventory did for one order: reserved, refused, or released again.
//!
//! It is written together with the stock it reserves, so "has this order been served?" has one
//! answer, and a second delivery of the same request finds it.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::ReserveInventory;
use crate::events::{InventoryReleased, InventoryReserveFailed, InventoryReserved, OrderLine};
use crate::{Aggregate, OrderId};

event_set! {
    /// What can happen to a reservation.
    pub enum ReservationEvent { InventoryReserved, InventoryReserveFailed, InventoryReleased }
}

/// Marker of the reservation aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Reservation;

/// Where a reservation stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Nobody asked yet.
    #[default]
    Absent,
    /// Stock is set aside.
    Reserved {
        /// The order.
        order_id: OrderId,
        /// What is set aside.
        items: Vec<OrderLine>,
    },
    /// Stock did not suffice.
    Refused,
    /// Stock is free again, or was never held and never will be.
    Released,
}

/// Requests to a reservation.
#[derive(Debug, Clone)]
pub enum Command {
    /// Stock suffices: set it aside.
    Reserve(ReserveInventory),
    /// Stock does not suffice.
    Refuse {
        /// The order.
        order: ReserveInventory,
        /// What is short.
        reason: String,
    },
    /// The order failed: free the stock.
    Release,
    /// Free the stock, if any is set aside, and set none aside from now on.
    Cancel {
        /// The order.
        order_id: OrderId,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is nothing to release.
    #[error("nothing was reserved for this order")]
    Absent,
}

impl Aggregate for Reservation {
    type State = State;
    type Event = ReservationEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Reservation";
    const LAYOUT: u32 = 0x38ba_4a0b;

    fn decide(state: &State, command: &Command) -> Result<Vec<ReservationEvent>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Reserve(order)) => Ok(vec![reserved(order).into()]),
            (State::Absent, Command::Refuse { order, reason }) => {
                Ok(vec![ReservationEvent::InventoryReserveFailed(
                    InventoryReserveFailed {
                        order_id: order.order_id.clone(),
                        customer_id: order.customer_id.clone(),
                        reason: reason.clone(),
                    },
                )])
            }
            (State::Absent, Command::Release) => Err(Rejection::Absent),
            // A reservation that comes later finds that nobody waits for it.
            (State::Absent, Command::Cancel { order_id }) => {
                Ok(vec![released(order_id, &[]).into()])
            }
            (State::Reserved { order_id, items }, Command::Release | Command::Cancel { .. }) => {
                Ok(vec![released(order_id, items).into()])
            }
            // Answered before, or nothing is held: nothing left to do.
            (State::Reserved { .. } | State::Refused | State::Released, _) => Ok(vec![]),
        }
    }

    fn evolve(_: State, event: &ReservationEvent) -> State {
        match event {
            ReservationEvent::InventoryReserved(e) => State::Reserved {
                order_id: e.order_id.clone(),
                items: e.items.clone(),
            },
            ReservationEvent::InventoryReserveFailed(_) => State::Refused,
            ReservationEvent::InventoryReleased(_) => State::Released,
        }
    }
}

fn released(order_id: &OrderId, items: &[OrderLine]) -> InventoryReleased {
    InventoryReleased {
        order_id: order_id.clone(),
        items: items.to_vec(),
    }
}

fn reserved(order: &ReserveInventory) -> InventoryReserved {
    InventoryReserved {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        items: order.items.clone(),
        total: order.total.clone(),
        payment: order.payment.clone(),
        shipping_address: order.shipping_address.clone(),
    }
}
