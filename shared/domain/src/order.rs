//! The order itself: what was asked for, and how it ended.
//!
//! Its stream holds only what the order decides. Reserving, paying and shipping are facts of other
//! streams; the read model puts them together. So an order costs two commits of its own, and no
//! message that comes late or out of turn can put it into a wrong state.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::{
    ORDER_LINES_MAX, OrderCancelled, OrderCompleted, OrderFailed, OrderFulfilled, OrderLine,
    OrderPlaced, REASON_CHARS_MAX, Workflow,
};
use crate::{Aggregate, CustomerId, Money, OrderId};

event_set! {
    /// What can happen to an order.
    pub enum OrderEvent { OrderPlaced, OrderFulfilled, OrderCompleted, OrderFailed, OrderCancelled }
}

/// Marker of the order aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Order;

/// The largest order, as JSON. The events that follow carry most of it along with more of their
/// own, and none of them may outgrow an item of 400 KB or a message of 1 MB.
pub const ORDER_BYTES_MAX: usize = 100 * 1024;

/// Where an order stands, as far as it decides that itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Nobody placed it yet.
    #[default]
    Absent,
    /// It is being carried out.
    Open {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// Which style of workflow carries it.
        workflow: Option<Workflow>,
    },
    /// Everything is on its way.
    Fulfilled {
        /// Who placed it.
        customer_id: CustomerId,
    },
    /// It ended without success.
    Failed {
        /// Who placed it.
        customer_id: CustomerId,
    },
    /// It was called off.
    Cancelled {
        /// Who placed it.
        customer_id: CustomerId,
    },
}

impl State {
    /// Who placed it.
    #[must_use]
    pub fn customer_id(&self) -> Option<&CustomerId> {
        match self {
            Self::Absent => None,
            Self::Open { customer_id, .. }
            | Self::Fulfilled { customer_id }
            | Self::Failed { customer_id }
            | Self::Cancelled { customer_id } => Some(customer_id),
        }
    }
}

/// Requests to an order.
#[derive(Debug, Clone)]
pub enum Command {
    /// Place it.
    Place(OrderPlaced),
    /// Everything is on its way.
    Fulfil {
        /// The carrier's number.
        tracking_number: String,
    },
    /// Everything is on its way, and nothing is left to do.
    Complete {
        /// The carrier's number.
        tracking_number: String,
    },
    /// A step failed for good.
    Fail {
        /// Why.
        reason: String,
    },
    /// It is not wanted any more.
    Cancel {
        /// Why, if it was said.
        reason: Option<String>,
    },
}

/// Which rule a request would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Rules that every order obeys, whoever places it: all that are broken.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Broken(Vec<Rule>),
    /// The id is taken.
    #[error("the order was placed before, by another request")]
    AlreadyPlaced,
    /// It does not exist (yet).
    #[error("there is no such order")]
    Absent,
    /// It ended in another way.
    #[error("the order has already ended")]
    Ended,
    /// It can no longer be cancelled.
    #[error("the order is on its way already")]
    TooLate,
    /// A reason is a sentence, not a letter.
    #[error("a reason has at most {REASON_CHARS_MAX} characters, not {0}")]
    ReasonTooLong(usize),
}

/// A rule that every order obeys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// An order has items.
    #[error("an order has at least one item")]
    NoItems,
    /// More lines than can be reserved at once.
    #[error("an order has at most {ORDER_LINES_MAX} lines, not {0}")]
    TooManyItems(usize),
    /// Quantities are positive.
    #[error("the quantity of {0} must be at least 1")]
    Quantity(String),
    /// Prices are positive.
    #[error("the price of {0} must be positive")]
    Price(String),
    /// The lines do not add up.
    #[error("the items do not add up to the total, or do not all have its currency")]
    Total,
    /// More than the later events of the order have room for.
    #[error("an order has at most {ORDER_BYTES_MAX} bytes, not {0}")]
    TooLarge(usize),
}

impl Aggregate for Order {
    type State = State;
    type Event = OrderEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Order";
    const LAYOUT: u32 = 0xc92e_8124;

    fn decide(state: &State, command: &Command) -> Result<Vec<OrderEvent>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Place(placed)) => {
                check(placed)?;
                Ok(vec![placed.clone().into()])
            }
            (_, Command::Place(_)) => Err(Rejection::AlreadyPlaced),
            (State::Absent, _) => Err(Rejection::Absent),
            (
                State::Open {
                    order_id,
                    customer_id,
                    ..
                },
                Command::Complete { tracking_number },
            ) => Ok(vec![OrderEvent::OrderCompleted(OrderCompleted {
                order_id: order_id.clone(),
                customer_id: customer_id.clone(),
                tracking_number: tracking_number.clone(),
            })]),
            (
                State::Open {
                    order_id,
                    customer_id,
                    ..
                },
                Command::Fulfil { tracking_number },
            ) => Ok(vec![OrderEvent::OrderFulfilled(OrderFulfilled {
                order_id: order_id.clone(),
                customer_id: customer_id.clone(),
                tracking_number: tracking_number.clone(),
            })]),
            (
                State::Open {
                    order_id,
                    customer_id,
                    ..
                },
                Command::Fail { reason },
            ) => Ok(vec![OrderEvent::OrderFailed(OrderFailed {
                order_id: order_id.clone(),
                customer_id: customer_id.clone(),
                reason: reason.clone(),
            })]),
            (
                State::Open {
                    order_id,
                    customer_id,
                    workflow,
                },
                Command::Cancel { reason },
            ) => {
                let chars = reason.as_ref().map_or(0, |reason| reason.chars().count());
                if chars > REASON_CHARS_MAX {
                    return Err(Rejection::ReasonTooLong(chars));
                }
                Ok(vec![OrderEvent::OrderCancelled(OrderCancelled {
                    order_id: order_id.clone(),
                    customer_id: customer_id.clone(),
                    reason: reason.clone(),
                    workflow: *workflow,
                })])
            }
            (State::Fulfilled { .. }, Command::Fulfil { .. } | Command::Complete { .. })
            | (State::Failed { .. }, Command::Fail { .. })
            // What the services report of a cancelled order, they are about to undo.
            | (State::Cancelled { .. }, _) => Ok(vec![]),
            (State::Fulfilled { .. }, Command::Fail { .. })
            | (State::Failed { .. }, Command::Fulfil { .. } | Command::Complete { .. } | Command::Cancel { .. }) => {
                Err(Rejection::Ended)
            }
            (State::Fulfilled { .. }, Command::Cancel { .. }) => Err(Rejection::TooLate),
        }
    }

    fn evolve(_: State, event: &OrderEvent) -> State {
        match event {
            OrderEvent::OrderPlaced(placed) => State::Open {
                order_id: placed.order_id.clone(),
                customer_id: placed.customer_id.clone(),
                workflow: placed.workflow,
            },
            OrderEvent::OrderFulfilled(event) => State::Fulfilled {
                customer_id: event.customer_id.clone(),
            },
            OrderEvent::OrderCompleted(event) => State::Fulfilled {
                customer_id: event.customer_id.clone(),
            },
            OrderEvent::OrderFailed(event) => State::Failed {
                customer_id: event.customer_id.clone(),
            },
            OrderEvent::OrderCancelled(event) => State::Cancelled {
                customer_id: event.customer_id.clone(),
            },
        }
    }
}

/// All rules that it breaks.
fn check(placed: &OrderPlaced) -> Result<(), Rejection> {
    let mut broken = Vec::new();
    if placed.items.is_empty() {
        broken.push(Rule::NoItems);
    }
    if placed.items.len() > ORDER_LINES_MAX {
        broken.push(Rule::TooManyItems(placed.items.len()));
    }
    for line in &placed.items {
        if line.quantity == 0 {
            broken.push(Rule::Quantity(line.product_id.to_string()));
        }
        if line.unit_price.amount <= 0 {
            broken.push(Rule::Price(line.product_id.to_string()));
        }
    }
    if !placed.items.is_empty() && total_of(&placed.items).as_ref() != Some(&placed.total) {
        broken.push(Rule::Total);
    }
    let bytes = serde_json::to_vec(placed).map_or(usize::MAX, |json| json.len());
    if bytes > ORDER_BYTES_MAX {
        broken.push(Rule::TooLarge(bytes));
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Rejection::Broken(broken))
}

/// The sum of the lines; `None` when they have several currencies, or do not fit.
#[must_use]
pub fn total_of(items: &[OrderLine]) -> Option<Money> {
    let mut lines = items
        .iter()
        .map(|line| line.unit_price.checked_mul(line.quantity));
    let first = lines.next()??;
    lines.try_fold(first, |sum, line| sum.checked_add(&line?))
}
