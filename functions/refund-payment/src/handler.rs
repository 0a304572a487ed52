//! `ShipmentFailed` → `PaymentRefunded`.

use domain::events::ShipmentFailed;
use domain::{Payment, payment};
use envelope::{Cause, Envelope};
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

impl<S: Load + Append, P: PaymentProvider, C: Clock> RefundPayment<S, P, C> {
    /// A handler over a store and a provider.
    pub fn new(store: S, provider: P, clock: C) -> Self {
        Self {
            payments: Decider::new(store, clock),
            provider,
        }
    }
}

impl<S: Load + Append, P: PaymentProvider, C: Clock> React for RefundPayment<S, P, C> {
    const NAME: &'static str = "refund-payment";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let failed = event.read::<ShipmentFailed>()?;
        let id = failed.order_id.as_str();
        // Read strongly: that there is nothing to give back must not rest on an outdated state.
        let seen = self.payments.load(id, Consistency::Strong).await?;
        let payment::State::Completed {
            amount,
            provider_reference,
            ..
        } = seen.state
        else {
            return match seen.state {
                payment::State::Refunded => Ok(Done::Duplicate),
                _ => Err(Failure::terminal(payment::Rejection::NotCharged)),
            };
        };
        let idempotency_key = format!("refund-{id}");
        let refund = Refund {
            idempotency_key: &idempotency_key,
            charge_reference: &provider_reference,
            amount: &amount,
        };
        let receipt = self.provider.refund(&refund).await?;
        let record = payment::Command::RecordRefund {
            provider_reference: receipt.reference,
        };
        Ok(self
            .payments
            .execute(id, cause, &record)
            .await?
            .outcome
            .into())
    }
}

#[cfg(test)]
mod tests;
