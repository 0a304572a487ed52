//! `OrderCancelled` or the command `RecallShipment` → `ShipmentCancelled`.
//!
//! A parcel that is recorded is recalled before it is said to be. Where none is, the carrier may have
//! taken one that nobody recorded: so the shipment is first closed to any answer, and then whatever
//! the carrier has of the order is recalled.

use domain::commands::RecallShipment as Recall;
use domain::events::OrderCancelled;
use domain::{Shipment, shipment};
use envelope::{Cause, Envelope, EventData};
use event_store::{Append, Decider, Load};
use partners::Carrier;
use ports::{Clock, Consistency};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct RecallShipment<S, P, C> {
    shipments: Decider<Shipment, S, C>,
    carrier: P,
}

impl<S: Load + Append, P: Carrier, C: Clock> RecallShipment<S, P, C> {
    /// A handler over a store and a carrier.
    pub fn new(store: S, carrier: P, clock: C) -> Self {
        Self {
            shipments: Decider::new(store, clock),
            carrier,
        }
    }
}

impl<S: Load + Append, P: Carrier, C: Clock> React for RecallShipment<S, P, C> {
    const NAME: &'static str = "recall-shipment";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let order_id = match event.event_type.as_str() {
            Recall::TYPE => event.read::<Recall>()?.order_id,
            _ => event.read::<OrderCancelled>()?.order_id,
        };
        let id = order_id.as_str();
        // Read strongly: that there is no parcel must not rest on an outdated state.
        let seen = self.shipments.load(id, Consistency::Strong).await?;
        let (mut done, mut state) = (Done::Duplicate, seen.state);
        if state == shipment::State::Absent {
            let order_id = order_id.clone();
            let cancel = shipment::Command::Cancel { order_id };
            // A parcel that is recorded at this moment is found in the state.
            let executed = self.shipments.execute(id, cause, &cancel).await?;
            (done, state) = (executed.outcome.into(), executed.state);
        }
        match state {
            shipment::State::Shipped => {
                self.carrier.recall(&order_id).await?;
                let record = shipment::Command::RecordRecall {
                    order_id: order_id.clone(),
                };
                let recorded = self.shipments.execute(id, cause, &record).await?;
                Ok(recorded.outcome.into())
            }
            shipment::State::Cancelled => {
                self.carrier.recall(&order_id).await?;
                Ok(done)
            }
            shipment::State::Absent | shipment::State::Failed => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests;
