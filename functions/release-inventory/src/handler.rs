//! `PaymentFailed`, `ShipmentFailed`, `OrderCancelled` or the command `ReleaseInventory` → `InventoryReleased`.
//!
//! What is held is read from the reservation, not from the event: it is the inventory's own record,
//! and the events that lead here can all arrive without releasing twice. An order that is cancelled, or to be
//! released whatever there is, may have no reservation yet: it is released all the same, of nothing, so that
//! none is made later.

use domain::commands::ReleaseInventory as Release;
use domain::events::{OrderCancelled, OrderLine, PaymentFailed, ShipmentFailed, quantities};
use domain::{OrderId, Reservation, StockItem, reservation, stock_item};
use envelope::{Aggregate, Cause, Envelope, EventData, UnreadableEvent};
use event_store::{AppendAll, AppendAllError, Decider, Load, Transaction};
use ports::{Clock, Consistency, Retry};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ReleaseInventory<S, C> {
    store: S,
    clock: C,
    reservations: Decider<Reservation, S, C>,
    stock: Decider<StockItem, S, C>,
}

impl<S: Load + AppendAll, C: Clock> ReleaseInventory<S, C> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C) -> Self {
        Self {
            reservations: Decider::new(store.clone(), clock.clone()),
            stock: Decider::new(store.clone(), clock.clone()),
            store,
            clock,
        }
    }

    async fn release(
        &self,
        order_id: &OrderId,
        command: &reservation::Command,
        cause: &Cause,
    ) -> Result<Done, Failure> {
        let id = order_id.as_str();
        let mut retry = Retry::new(&self.clock, cause.commit_id().digest());
        loop {
            // Read strongly: an order that ends badly is rare, and must not find its reservation missing.
            let seen = self.reservations.load(id, Consistency::Strong).await?;
            let events = Reservation::decide(&seen.state, command).map_err(Failure::terminal)?;
            if events.is_empty() {
                return Ok(Done::Duplicate);
            }
            let mut transaction = Transaction::new(cause);
            transaction.add(&self.reservations, id, &seen, &events)?;
            if let reservation::State::Reserved { items, .. } = &seen.state {
                self.free(&mut transaction, order_id, items).await?;
            }
            match transaction.commit(&self.store, &self.clock).await {
                Ok(outcome) => return Ok(outcome.into()),
                Err(AppendAllError::Conflict(_) | AppendAllError::Busy) => {
                    retry.lost().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn free(
        &self,
        transaction: &mut Transaction<'_>,
        order_id: &OrderId,
        items: &[OrderLine],
    ) -> Result<(), Failure> {
        for (product_id, quantity) in quantities(items) {
            // Read strongly: with an outdated state "more is released than was held" would be a false alarm.
            let seen = self
                .stock
                .load(product_id.as_str(), Consistency::Strong)
                .await?;
            let release = stock_item::Command::Release {
                product_id: product_id.clone(),
                order_id: order_id.clone(),
                quantity,
            };
            // Another delivery may have released everything since the reservation was read: the next
            // attempt finds it so. If the books are really wrong, the last one says it.
            let events = StockItem::decide(&seen.state, &release).map_err(Failure::transient)?;
            transaction.add(&self.stock, product_id.as_str(), &seen, &events)?;
        }
        Ok(())
    }
}

/// Whose reservation ends, and how.
fn release_of(event: &Envelope) -> Result<(OrderId, reservation::Command), UnreadableEvent> {
    let release = reservation::Command::Release;
    let cancel = |order_id: OrderId| {
        let cancel = reservation::Command::Cancel {
            order_id: order_id.clone(),
        };
        Ok((order_id, cancel))
    };
    match event.event_type.as_str() {
        PaymentFailed::TYPE => Ok((event.read::<PaymentFailed>()?.order_id, release)),
        ShipmentFailed::TYPE => Ok((event.read::<ShipmentFailed>()?.order_id, release)),
        OrderCancelled::TYPE => cancel(event.read::<OrderCancelled>()?.order_id),
        Release::TYPE => cancel(event.read::<Release>()?.order_id),
        _ => Err(UnreadableEvent::unknown(
            &event.event_type,
            event.schema_version,
        )),
    }
}

impl<S: Load + AppendAll, C: Clock> React for ReleaseInventory<S, C> {
    const NAME: &'static str = "release-inventory";
    /// The orders of one batch often hold the same products.
    const CONCURRENCY: usize = 1;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let (order_id, command) = release_of(event)?;
        self.release(&order_id, &command, cause).await
    }
}

#[cfg(test)]
mod tests;
