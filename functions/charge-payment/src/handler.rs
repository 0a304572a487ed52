//! `InventoryReserved` or the command `ChargePayment` → `PaymentCompleted` or `PaymentFailed`.
//!
//! The provider is asked before anything is stored, under a key that belongs to the order. So a
//! crash between its answer and our record repeats the question and not the charge.
//!
//! A payment that was cancelled meanwhile keeps no money: whatever was charged under that key, by this
//! delivery or by one that died before it could record it, is voided.

use domain::commands::ChargePayment as Due;
use domain::events::InventoryReserved;
use domain::{Payment, payment};
use envelope::{Cause, Envelope};
use event_store::{Append, Decider, Load};
use partners::{Charge, ChargeError, PaymentProvider};
use ports::{Clock, Consistency};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ChargePayment<S, P, C> {
    payments: Decider<Payment, S, C>,
    provider: P,
}

impl<S: Load + Append, P: PaymentProvider, C: Clock> ChargePayment<S, P, C> {
    /// A handler over a store and a provider.
    pub fn new(store: S, provider: P, clock: C) -> Self {
        Self {
            payments: Decider::new(store, clock),
            provider,
        }
    }

    async fn ask(&self, due: Due, attempt: u32) -> Result<payment::Command, Failure> {
        let idempotency_key = payment::charge_key(&due.order_id);
        let charge = Charge {
            idempotency_key: &idempotency_key,
            amount: &due.total,
            method: &due.payment.method,
            attempt,
        };
        match self.provider.charge(&charge).await {
            Ok(receipt) => Ok(payment::Command::RecordCharge {
                due,
                provider_reference: receipt.reference,
            }),
            Err(ChargeError::Declined(reason)) => {
                Ok(payment::Command::RecordDecline { due, reason })
            }
            Err(ChargeError::Unavailable(error)) => Err(error.into()),
        }
    }
}

impl<S: Load + Append, P: PaymentProvider, C: Clock> React for ChargePayment<S, P, C> {
    const NAME: &'static str = "charge-payment";

    async fn react(&self, event: &Envelope, cause: &Cause, attempt: u32) -> Result<Done, Failure> {
        let due = event.asked::<Due, InventoryReserved>()?;
        let order_id = due.order_id.clone();
        let id = order_id.as_str();
        let seen = self.payments.load(id, Consistency::Eventual).await?;
        let (done, state) = match seen.state {
            payment::State::Absent => {
                let answer = self.ask(due, attempt).await?;
                let recorded = self.payments.execute(id, cause, &answer).await?;
                (recorded.outcome.into(), recorded.state)
            }
            known => (Done::Duplicate, known),
        };
        if state == payment::State::Cancelled {
            self.provider.void(&payment::charge_key(&order_id)).await?;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests;
