//! Stock of one product.
//!
//! The state is two numbers, not a list of orders: which order holds what is in the order's
//! reservation, which is always written in the same transaction. So the state of a product that
//! sold a million times is still a few bytes.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::{StockReleased, StockReplenished, StockReserved};
use crate::{Aggregate, OrderId, ProductId};

event_set! {
    /// What can happen to the stock of a product.
    pub enum StockEvent { StockReplenished, StockReserved, StockReleased }
}

/// Marker of the stock aggregate.
#[derive(Debug, Clone, Copy)]
pub struct StockItem;

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// Units that can be ordered.
    pub available: u64,
    /// Units set aside for orders.
    pub reserved: u64,
}

/// Requests to the stock of a product.
#[derive(Debug, Clone)]
pub enum Command {
    /// Units came in.
    Replenish(StockReplenished),
    /// Set units aside.
    Reserve {
        /// The product.
        product_id: ProductId,
        /// For which order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    },
    /// Free units that were set aside.
    Release {
        /// The product.
        product_id: ProductId,
        /// For which order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is not enough.
    #[error("{product_id}: {wanted} wanted, {available} available")]
    Short {
        /// The product.
        product_id: ProductId,
        /// Units wanted.
        wanted: u32,
        /// Units there.
        available: u64,
    },
    /// More would be released than was set aside: the books are wrong.
    #[error("{product_id}: {released} to release, only {reserved} set aside")]
    NotReserved {
        /// The product.
        product_id: ProductId,
        /// Units to free.
        released: u32,
        /// Units set aside.
        reserved: u64,
    },
}

impl Aggregate for StockItem {
    type State = State;
    type Event = StockEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "StockItem";
    const LAYOUT: u32 = 0xef29_0698;

    fn decide(state: &State, command: &Command) -> Result<Vec<StockEvent>, Rejection> {
        match command {
            Command::Replenish(replenished) => Ok(vec![replenished.clone().into()]),
            Command::Reserve {
                product_id,
                quantity,
                ..
            } if state.available < u64::from(*quantity) => Err(Rejection::Short {
                product_id: product_id.clone(),
                wanted: *quantity,
                available: state.available,
            }),
            Command::Reserve {
                product_id,
                order_id,
                quantity,
            } => Ok(vec![StockEvent::StockReserved(StockReserved {
                product_id: product_id.clone(),
                order_id: order_id.clone(),
                quantity: *quantity,
            })]),
            Command::Release {
                product_id,
                quantity,
                ..
            } if state.reserved < u64::from(*quantity) => Err(Rejection::NotReserved {
                product_id: product_id.clone(),
                released: *quantity,
                reserved: state.reserved,
            }),
            Command::Release {
                product_id,
                order_id,
                quantity,
            } => Ok(vec![StockEvent::StockReleased(StockReleased {
                product_id: product_id.clone(),
                order_id: order_id.clone(),
                quantity: *quantity,
            })]),
        }
    }

    fn evolve(state: State, event: &StockEvent) -> State {
        let State {
            available,
            reserved,
        } = state;
        match event {
            StockEvent::StockReplenished(e) => State {
                available: available.saturating_add(u64::from(e.quantity)),
                reserved,
            },
            StockEvent::StockReserved(e) => State {
                available: available.saturating_sub(u64::from(e.quantity)),
                reserved: reserved.saturating_add(u64::from(e.quantity)),
            },
            StockEvent::StockReleased(e) => State {
                available: available.saturating_add(u64::from(e.quantity)),
                reserved: reserved.saturating_sub(u64::from(e.quantity)),
            },
        }
    }
}
