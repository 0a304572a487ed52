//! `PaymentCompleted` or the command `ShipOrder` → `OrderShipped` or `ShipmentFailed`.
//!
//! A shipment that was cancelled meanwhile lets no parcel go: whatever the carrier took, for this
//! delivery or for one that died before it could record it, is recalled.

use domain::commands::ShipOrder as Parcel;
use domain::events::PaymentCompleted;
use domain::{Shipment, shipment};
use envelope::{Cause, Envelope};
use event_store::{Append, Decider, Load};
use partners::{Carrier, Pickup, PickupError};
use ports::{Clock, Consistency};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ShipOrder<S, P, C> {
    shipments: Decider<Shipment, S, C>,
    carrier: P,
}

impl<S: Load + Append, P: Carrier, C: Clock> ShipOrder<S, P, C> {
    /// A handler over a store and a carrier.
    pub fn new(store: S, carrier: P, clock: C) -> Self {
        Self {
            shipments: Decider::new(store, clock),
            carrier,
        }
    }

    async fn ask(&self, order: Parcel, attempt: u32) -> Result<shipment::Command, Failure> {
        let idempotency_key = format!("ship-{}", order.order_id);
        let pickup = Pickup {
            idempotency_key: &idempotency_key,
            order_id: &order.order_id,
            address: &order.shipping_address,
            attempt,
        };
        match self.carrier.pick_up(&pickup).await {
            Ok(tracking_number) => Ok(shipment::Command::RecordPickup {
                order,
                tracking_number,
            }),
            Err(PickupError::Refused(reason)) => {
                Ok(shipment::Command::RecordRefusal { order, reason })
            }
            Err(PickupError::Unavailable(error)) => Err(error.into()),
        }
    }
}

impl<S: Load + Append, P: Carrier, C: Clock> React for ShipOrder<S, P, C> {
    const NAME: &'static str = "ship-order";

    async fn react(&self, event: &Envelope, cause: &Cause, attempt: u32) -> Result<Done, Failure> {
        let order = event.asked::<Parcel, PaymentCompleted>()?;
        let order_id = order.order_id.clone();
        let id = order_id.as_str();
        let seen = self.shipments.load(id, Consistency::Eventual).await?;
        let (done, state) = match seen.state {
            shipment::State::Absent => {
                let answer = self.ask(order, attempt).await?;
                let recorded = self.shipments.execute(id, cause, &answer).await?;
                (recorded.outcome.into(), recorded.state)
            }
            known => (Done::Duplicate, known),
        };
        if state == shipment::State::Cancelled {
            self.carrier.recall(&order_id).await?;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests;
