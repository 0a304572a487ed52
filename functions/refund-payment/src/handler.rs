//! `ShipmentFailed` → `PaymentRefunded`; `OrderCancelled` or the command `RefundPayment` → `PaymentRefunded` or
//! `PaymentCancelled`.
//!
//! Of an order that is cancelled, or to be refunded whatever there is, nobody may know whether it was charged: the
//! charge may be on its way, or have been made by a delivery that died before it could record it. So the payment
//! is first closed to any answer, and then whatever was charged under the order's key is voided. What was
//! recorded as charged is refunded instead.

use domain::commands::RefundPayment as Refunding;
use domain::events::{OrderCancelled, ShipmentFailed};
use domain::{Money, OrderId, Payment, payment};
use envelope::{Cause, Envelope, EventData, UnreadableEvent};
use event_store::{Append, Decider, Load};
use partners::{PaymentProvider, Refund};
use ports::{Clock, Consistency};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct RefundPayment<S, P, C> {
    payments: Decider<Payment, S, C>,
    provider: P,
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The carrier refused the parcel: the order was paid.
    NotShipped,
    /// It is not to be kept, and the order may stand anywhere.
    Cancelled,
}

impl<S: Load + Append, P: PaymentProvider, C: Clock> RefundPayment<S, P, C> {
    /// A handler over a store and a provider.
    pub fn new(store: S, provider: P, clock: C) -> Self {
        Self {
            payments: Decider::new(store, clock),
            provider,
        }
    }

    async fn refund(
        &self,
        id: &str,
        amount: &Money,
        charge_reference: &str,
        cause: &Cause,
    ) -> Result<Done, Failure> {
        let idempotency_key = format!("refund-{id}");
        let refund = Refund {
            idempotency_key: &idempotency_key,
            charge_reference,
            amount,
        };
        let receipt = self.provider.refund(&refund).await?;
        let record = payment::Command::RecordRefund {
            provider_reference: receipt.reference,
        };
        let recorded = self.payments.execute(id, cause, &record).await?;
        Ok(recorded.outcome.into())
    }
}

fn read(event: &Envelope) -> Result<(OrderId, Why), UnreadableEvent> {
    match event.event_type.as_str() {
        ShipmentFailed::TYPE => Ok((event.read::<ShipmentFailed>()?.order_id, Why::NotShipped)),
        OrderCancelled::TYPE => Ok((event.read::<OrderCancelled>()?.order_id, Why::Cancelled)),
        Refunding::TYPE => Ok((event.read::<Refunding>()?.order_id, Why::Cancelled)),
        _ => Err(UnreadableEvent::unknown(
            &event.event_type,
            event.schema_version,
        )),
    }
}

impl<S: Load + Append, P: PaymentProvider, C: Clock> React for RefundPayment<S, P, C> {
    const NAME: &'static str = "refund-payment";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let (order_id, why) = read(event)?;
        let id = order_id.as_str();
        // Read strongly: that there is nothing to give back must not rest on an outdated state.
        let seen = self.payments.load(id, Consistency::Strong).await?;
        let (mut done, mut state) = (Done::Duplicate, seen.state);
        if state == payment::State::Absent && why == Why::Cancelled {
            let order_id = order_id.clone();
            let cancel = payment::Command::Cancel { order_id };
            // A charge that is recorded at this moment is found in the state.
            let executed = self.payments.execute(id, cause, &cancel).await?;
            (done, state) = (executed.outcome.into(), executed.state);
        }
        match state {
            payment::State::Completed {
                amount,
                provider_reference,
                ..
            } => self.refund(id, &amount, &provider_reference, cause).await,
            payment::State::Cancelled => {
                self.provider.void(&payment::charge_key(&order_id)).await?;
                Ok(done)
            }
            payment::State::Refunded => Ok(Done::Duplicate),
            payment::State::Failed if why == Why::Cancelled => Ok(Done::Duplicate),
            payment::State::Absent | payment::State::Failed => {
                Err(Failure::terminal(payment::Rejection::NotCharged))
            }
        }
    }
}

#[cfg(test)]
mod tests;
