//! The payment provider.

use domain::Money;
use ports::{Clock, Unavailable};

use crate::sandbox::Behaviour;

/// A request to take money.
#[derive(Debug, Clone)]
pub struct Charge<'a> {
    /// The same key is the same charge, however often it is asked for.
    pub idempotency_key: &'a str,
    /// How much.
    pub amount: &'a Money,
    /// How the customer pays.
    pub method: &'a str,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

/// A request to give money back.
#[derive(Debug, Clone)]
pub struct Refund<'a> {
    /// The same key is the same refund.
    pub idempotency_key: &'a str,
    /// The provider's number for the charge.
    pub charge_reference: &'a str,
    /// How much.
    pub amount: &'a Money,
}

/// The provider's answer to a charge or a refund that it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's number for it.
    pub reference: String,
}

/// Why money was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The provider refuses. Final.
    #[error("declined: {0}")]
    Declined(String),
    /// No answer. The charge may have been made; the same key finds out.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Takes money and gives it back.
///
/// The contract: a repeated idempotency key has the effect of one call and gets the same answer; also
/// when what it did was undone in between, it is not done again.
pub trait PaymentProvider: Clone + Send + Sync + 'static {
    /// Takes money.
    fn charge(
        &self,
        charge: &Charge<'_>,
    ) -> impl Future<Output = Result<Receipt, ChargeError>> + Send;

    /// Gives money back.
    fn refund(
        &self,
        refund: &Refund<'_>,
    ) -> impl Future<Output = Result<Receipt, Unavailable>> + Send;

    /// Gives back what was taken under the idempotency key of a charge, for callers who do not know
    /// whether it was: nothing happens if nothing was, or if it went back before. May be called
    /// again, and must be after a charge that it came before. A provider that can should refuse
    /// later charges under the key: a request that its sender gave up may still be on its way.
    fn void(&self, charge_key: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// A provider that does what the payment method says: `sandbox-approve`, `sandbox-decline`,
/// `sandbox-slow-<ms>`, `sandbox-fail-<n>`. It keeps nothing: a receipt's number is derived from the
/// idempotency key, so that the same key gets the same answer from every process.
#[derive(Debug, Clone)]
pub struct SandboxPayments<C>(C);

impl<C: Clock> SandboxPayments<C> {
    /// A sandbox whose slowness is measured by this clock.
    #[must_use]
    pub fn new(clock: C) -> Self {
        Self(clock)
    }
}

impl<C: Clock> PaymentProvider for SandboxPayments<C> {
    async fn charge(&self, charge: &Charge<'_>) -> Result<Receipt, ChargeError> {
        match Behaviour::parse(charge.method, "approve", "decline") {
            Some(Behaviour::Approve) => {}
            Some(Behaviour::Decline) => {
                return Err(ChargeError::Declined("insufficient funds".to_owned()));
            }
            Some(Behaviour::Slow(duration)) => self.0.sleep(duration).await,
            Some(Behaviour::Fail(times)) if charge.attempt > times => {}
            Some(Behaviour::Fail(_)) => {
                return Err(
                    Unavailable::new("payments:Charge", "the sandbox was told to fail").into(),
                );
            }
            None => {
                let known = "sandbox-approve, sandbox-decline, sandbox-slow-<ms>, sandbox-fail-<n>";
                let reason = format!("this provider takes no such method, only {known}");
                return Err(ChargeError::Declined(reason));
            }
        }
        Ok(Receipt {
            reference: format!("sandbox-{}", charge.idempotency_key),
        })
    }

    async fn refund(&self, refund: &Refund<'_>) -> Result<Receipt, Unavailable> {
        Ok(Receipt {
            reference: format!("sandbox-{}", refund.idempotency_key),
        })
    }

    async fn void(&self, _: &str) -> Result<(), Unavailable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envelope::Timestamp;
    use ports::ManualClock;

    async fn charge(method: &str, attempt: u32) -> Result<Receipt, ChargeError> {
        let amount = Money::new(100, "EUR");
        let charge = Charge {
            idempotency_key: "k",
            amount: &amount,
            method,
            attempt,
        };
        SandboxPayments::new(ManualClock::at(Timestamp::from_millis(0)))
            .charge(&charge)
            .await
    }

    #[tokio::test]
    async fn the_method_decides_and_the_same_key_gets_the_same_receipt() {
        let first = charge("sandbox-approve", 1).await.expect("approved");
        assert_eq!(
            first,
            charge("sandbox-slow-5000", 2)
                .await
                .expect("late, but approved")
        );
        assert!(matches!(
            charge("sandbox-decline", 1).await,
            Err(ChargeError::Declined(_))
        ));
        assert!(matches!(
            charge("card", 1).await,
            Err(ChargeError::Declined(_))
        ));
    }

    #[tokio::test]
    async fn a_flaky_provider_fails_as_often_as_it_was_told() {
        for attempt in 1..=2 {
            let answer = charge("sandbox-fail-2", attempt).await;
            assert!(
                matches!(answer, Err(ChargeError::Unavailable(_))),
                "attempt {attempt}"
            );
        }
        assert!(charge("sandbox-fail-2", 3).await.is_ok());
    }
}
