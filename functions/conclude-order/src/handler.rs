//! `OrderShipped` → `OrderFulfilled`; any step that failed for good → `OrderFailed`. Told so by a saga:
//! `CompleteOrder` → `OrderCompleted`, `FailOrder` → `OrderFailed`.

use domain::commands::{CompleteOrder, FailOrder};
use domain::events::{InventoryReserveFailed, OrderShipped, PaymentFailed, ShipmentFailed};
use domain::{Order, OrderId, order};
use envelope::{Cause, Envelope, EventData, UnreadableEvent};
use event_store::{Append, Decider, Load};
use ports::Clock;
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ConcludeOrder<S, C> {
    orders: Decider<Order, S, C>,
}

impl<S: Load + Append, C: Clock> ConcludeOrder<S, C> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C) -> Self {
        Self {
            orders: Decider::new(store, clock),
        }
    }
}

fn conclusion(event: &Envelope) -> Result<(OrderId, order::Command), UnreadableEvent> {
    let failed = |step: &str, order_id, reason: String| {
        (
            order_id,
            order::Command::Fail {
                reason: format!("{step}: {reason}"),
            },
        )
    };
    Ok(match event.event_type.as_str() {
        OrderShipped::TYPE => {
            let OrderShipped {
                order_id,
                tracking_number,
                ..
            } = event.read()?;
            (order_id, order::Command::Fulfil { tracking_number })
        }
        CompleteOrder::TYPE => {
            let CompleteOrder {
                order_id,
                tracking_number,
            } = event.read()?;
            (order_id, order::Command::Complete { tracking_number })
        }
        FailOrder::TYPE => {
            let FailOrder { order_id, reason } = event.read()?;
            (order_id, order::Command::Fail { reason })
        }
        InventoryReserveFailed::TYPE => {
            let InventoryReserveFailed {
                order_id, reason, ..
            } = event.read()?;
            failed("out of stock", order_id, reason)
        }
        PaymentFailed::TYPE => {
            let PaymentFailed {
                order_id, reason, ..
            } = event.read()?;
            failed("payment declined", order_id, reason)
        }
        ShipmentFailed::TYPE => {
            let ShipmentFailed {
                order_id, reason, ..
            } = event.read()?;
            failed("not deliverable", order_id, reason)
        }
        _ => {
            return Err(UnreadableEvent::unknown(
                &event.event_type,
                event.schema_version,
            ));
        }
    })
}

impl<S: Load + Append, C: Clock> React for ConcludeOrder<S, C> {
    const NAME: &'static str = "conclude-order";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let (order_id, command) = conclusion(event)?;
        let executed = self
            .orders
            .execute(order_id.as_str(), cause, &command)
            .await?;
        Ok(executed.outcome.into())
    }
}

#[cfg(test)]
mod tests;
