//! The payment of one order: the record of what the provider answered.
//!
//! The provider is asked between reading the state and recording the answer, with an idempotency
//! key. So a crash in between repeats the question, never the charge. A payment that was cancelled
//! before there was an answer records none: whoever finds it so has the charge voided under that key.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::ChargePayment;
use crate::events::{PaymentCancelled, PaymentCompleted, PaymentFailed, PaymentRefunded};
use crate::{Aggregate, Money, OrderId};

event_set! {
    /// What can happen to a payment.
    pub enum PaymentEvent { PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentCancelled }
}

/// Marker of the payment aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Payment;

/// Where a payment stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Nobody asked for it yet.
    #[default]
    Absent,
    /// The money was taken.
    Completed {
        /// The order.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// The provider's number for the charge.
        provider_reference: String,
    },
    /// The provider declined.
    Failed,
    /// The money was given back.
    Refunded,
    /// The order was cancelled before an answer of the provider was recorded.
    Cancelled,
}

/// Requests to a payment.
#[derive(Debug, Clone)]
pub enum Command {
    /// Record that the provider took the money.
    RecordCharge {
        /// What was to be paid.
        due: ChargePayment,
        /// The provider's number for the charge.
        provider_reference: String,
    },
    /// Record that the provider declined.
    RecordDecline {
        /// What was to be paid.
        due: ChargePayment,
        /// The provider's reason.
        reason: String,
    },
    /// Record that the provider gave the money back.
    RecordRefund {
        /// The provider's number for the refund.
        provider_reference: String,
    },
    /// The order is cancelled: take no money from now on. What was taken is refunded instead.
    Cancel {
        /// The order.
        order_id: OrderId,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no charge to give back.
    #[error("nothing was charged for this order")]
    NotCharged,
}

impl Aggregate for Payment {
    type State = State;
    type Event = PaymentEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Payment";
    const LAYOUT: u32 = 0xb8b3_c409;

    fn decide(state: &State, command: &Command) -> Result<Vec<PaymentEvent>, Rejection> {
        match (state, command) {
            (
                State::Absent,
                Command::RecordCharge {
                    due,
                    provider_reference,
                },
            ) => Ok(vec![PaymentEvent::PaymentCompleted(PaymentCompleted {
                order_id: due.order_id.clone(),
                customer_id: due.customer_id.clone(),
                amount: due.total.clone(),
                provider_reference: provider_reference.clone(),
                items: due.items.clone(),
                shipping_address: due.shipping_address.clone(),
            })]),
            (State::Absent, Command::RecordDecline { due, reason }) => {
                Ok(vec![PaymentEvent::PaymentFailed(PaymentFailed {
                    order_id: due.order_id.clone(),
                    customer_id: due.customer_id.clone(),
                    reason: reason.clone(),
                })])
            }
            (State::Absent, Command::Cancel { order_id }) => {
                Ok(vec![PaymentEvent::PaymentCancelled(PaymentCancelled {
                    order_id: order_id.clone(),
                })])
            }
            (State::Absent | State::Failed | State::Cancelled, Command::RecordRefund { .. }) => {
                Err(Rejection::NotCharged)
            }
            (
                State::Completed {
                    order_id, amount, ..
                },
                Command::RecordRefund { provider_reference },
            ) => Ok(vec![PaymentEvent::PaymentRefunded(PaymentRefunded {
                order_id: order_id.clone(),
                amount: amount.clone(),
                provider_reference: provider_reference.clone(),
            })]),
            // Answered or cancelled before.
            (
                State::Completed { .. } | State::Failed | State::Refunded | State::Cancelled,
                Command::RecordCharge { .. }
                | Command::RecordDecline { .. }
                | Command::Cancel { .. },
            )
            | (State::Refunded, Command::RecordRefund { .. }) => Ok(vec![]),
        }
    }

    fn evolve(_: State, event: &PaymentEvent) -> State {
        match event {
            PaymentEvent::PaymentCompleted(e) => State::Completed {
                order_id: e.order_id.clone(),
                amount: e.amount.clone(),
                provider_reference: e.provider_reference.clone(),
            },
            PaymentEvent::PaymentFailed(_) => State::Failed,
            PaymentEvent::PaymentRefunded(_) => State::Refunded,
            PaymentEvent::PaymentCancelled(_) => State::Cancelled,
        }
    }
}

/// The idempotency key under which the provider is asked for an order's money, and under which a
/// charge that nobody recorded is found again.
#[must_use]
pub fn charge_key(order_id: &OrderId) -> String {
    format!("charge-{order_id}")
}
