//! The carrier.

use domain::OrderId;
use domain::events::Address;
use ports::{Clock, Unavailable};

use crate::sandbox::Behaviour;

/// A request to fetch a parcel.
#[derive(Debug, Clone)]
pub struct Pickup<'a> {
    /// The same key is the same parcel.
    pub idempotency_key: &'a str,
    /// What is in it.
    pub order_id: &'a OrderId,
    /// Where it goes.
    pub address: &'a Address,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

/// Why a parcel was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PickupError {
    /// The carrier refuses. Final.
    #[error("refused: {0}")]
    Refused(String),
    /// No answer. The parcel may have been taken; the same key finds out.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Takes parcels and brings them back.
///
/// The contract: a repeated idempotency key is the same parcel and gets the same tracking number; a
/// parcel that was recalled stays so.
pub trait Carrier: Clone + Send + Sync + 'static {
    /// Orders a pickup; the answer is the tracking number.
    fn pick_up(
        &self,
        pickup: &Pickup<'_>,
    ) -> impl Future<Output = Result<String, PickupError>> + Send;

    /// Brings back the parcel of an order, for callers who do not know whether there is one: nothing
    /// happens if there is none, or if it was recalled before. May be called again, and must be after
    /// a pickup that it came before.
    fn recall(&self, order_id: &OrderId) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// A carrier that does what a line of the address says: `sandbox-undeliverable`,
/// `sandbox-slow-<ms>`, `sandbox-fail-<n>`. Any other address is served at once.
#[derive(Debug, Clone)]
pub struct SandboxCarrier<C>(C);

impl<C: Clock> SandboxCarrier<C> {
    /// A sandbox whose slowness is measured by this clock.
    #[must_use]
    pub fn new(clock: C) -> Self {
        Self(clock)
    }
}

impl<C: Clock> Carrier for SandboxCarrier<C> {
    async fn pick_up(&self, pickup: &Pickup<'_>) -> Result<String, PickupError> {
        let lines = pickup.address.0.values().filter_map(|line| line.as_str());
        let mut told =
            lines.filter_map(|line| Behaviour::parse(line, "deliverable", "undeliverable"));
        match told.next().unwrap_or(Behaviour::Approve) {
            Behaviour::Approve => {}
            Behaviour::Decline => {
                return Err(PickupError::Refused("no such address".to_owned()));
            }
            Behaviour::Slow(duration) => self.0.sleep(duration).await,
            Behaviour::Fail(times) if pickup.attempt > times => {}
            Behaviour::Fail(_) => {
                return Err(
                    Unavailable::new("carrier:PickUp", "the sandbox was told to fail").into(),
                );
            }
        }
        Ok(format!("SBX-{}", pickup.idempotency_key))
    }

    async fn recall(&self, _: &OrderId) -> Result<(), Unavailable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envelope::Timestamp;
    use ports::ManualClock;

    #[tokio::test]
    async fn a_line_of_the_address_decides() {
        let carrier = SandboxCarrier::new(ManualClock::at(Timestamp::from_millis(0)));
        let order_id = OrderId::new("ord-1");
        let pick_up = async |line: &str, attempt| {
            let address = Address([("line1".to_owned(), line.into())].into());
            let idempotency_key = "k";
            carrier
                .pick_up(&Pickup {
                    idempotency_key,
                    order_id: &order_id,
                    address: &address,
                    attempt,
                })
                .await
        };
        assert_eq!(pick_up("1 High Street", 1).await.expect("taken"), "SBX-k");
        assert_eq!(
            pick_up("sandbox-slow-9000", 1).await.expect("taken late"),
            "SBX-k"
        );
        assert!(matches!(
            pick_up("sandbox-undeliverable", 1).await,
            Err(PickupError::Refused(_))
        ));
        assert!(matches!(
            pick_up("sandbox-fail-1", 1).await,
            Err(PickupError::Unavailable(_))
        ));
        assert!(pick_up("sandbox-fail-1", 2).await.is_ok());
    }
}
