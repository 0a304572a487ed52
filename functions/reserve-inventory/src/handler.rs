//! `OrderPlaced` or the command `ReserveInventory` → `InventoryReserved` or `InventoryReserveFailed`.
//!
//! All products of an order are reserved in one transaction with the reservation itself: all or
//! none, and never twice. "Not enough" is said only after strongly consistent reads.

use domain::commands::ReserveInventory as Reserve;
use domain::events::{OrderPlaced, quantities};
use domain::{ProductId, Reservation, StockItem, reservation, stock_item};
use envelope::{Aggregate, Cause, Envelope};
use event_store::{AppendAll, AppendAllError, Decider, Folded, Load, LoadError, Transaction};
use ports::{Clock, Consistency, Retry};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ReserveInventory<S, C> {
    store: S,
    clock: C,
    reservations: Decider<Reservation, S, C>,
    stock: Decider<StockItem, S, C>,
}

/// Stock of each product of an order, as it was seen, and what is wanted of it.
type Stock = Vec<(ProductId, u32, Folded<stock_item::State>)>;

impl<S: Load + AppendAll, C: Clock> ReserveInventory<S, C> {
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

    async fn look(&self, order: &Reserve, consistency: Consistency) -> Result<Stock, LoadError> {
        let wanted = quantities(&order.items);
        let mut stock = Vec::with_capacity(wanted.len());
        for (product_id, quantity) in wanted {
            let seen = self.stock.load(product_id.as_str(), consistency).await?;
            stock.push((product_id.clone(), quantity, seen));
        }
        Ok(stock)
    }

    /// Adds every product to the transaction, or says what is short.
    fn take(
        &self,
        transaction: &mut Transaction<'_>,
        order: &Reserve,
        stock: &Stock,
    ) -> Result<Result<(), String>, Failure> {
        let mut short = Vec::new();
        for (product_id, quantity, seen) in stock {
            let reserve = stock_item::Command::Reserve {
                product_id: product_id.clone(),
                order_id: order.order_id.clone(),
                quantity: *quantity,
            };
            match StockItem::decide(&seen.state, &reserve) {
                Ok(events) => transaction.add(&self.stock, product_id.as_str(), seen, &events)?,
                Err(rejection) => short.push(rejection.to_string()),
            }
        }
        Ok(if short.is_empty() {
            Ok(())
        } else {
            Err(short.join("; "))
        })
    }

    async fn reserve(&self, order: Reserve, cause: &Cause) -> Result<Done, Failure> {
        let id = order.order_id.as_str();
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, cause.commit_id().digest());
        loop {
            let seen = self.reservations.load(id, consistency).await?;
            if seen.state != reservation::State::Absent {
                return Ok(Done::Duplicate);
            }
            let stock = self.look(&order, consistency).await?;
            let mut transaction = Transaction::new(cause);
            let reserved =
                Reservation::decide(&seen.state, &reservation::Command::Reserve(order.clone()))
                    .map_err(Failure::terminal)?;
            transaction.add(&self.reservations, id, &seen, &reserved)?;
            match self.take(&mut transaction, &order, &stock)? {
                Err(_) if consistency == Consistency::Eventual => {
                    consistency = Consistency::Strong;
                    continue;
                }
                Err(reason) => {
                    let refuse = reservation::Command::Refuse {
                        order: order.clone(),
                        reason,
                    };
                    return Ok(self
                        .reservations
                        .execute(id, cause, &refuse)
                        .await?
                        .outcome
                        .into());
                }
                Ok(()) => {}
            }
            match transaction.commit(&self.store, &self.clock).await {
                Ok(outcome) => return Ok(outcome.into()),
                Err(AppendAllError::Conflict(_) | AppendAllError::Busy) => {
                    consistency = Consistency::Strong;
                    retry.lost().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<S: Load + AppendAll, C: Clock> React for ReserveInventory<S, C> {
    const NAME: &'static str = "reserve-inventory";
    /// The orders of one batch often want the same products.
    const CONCURRENCY: usize = 1;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let order = event.asked::<Reserve, OrderPlaced>()?;
        self.reserve(order, cause).await
    }
}

#[cfg(test)]
mod tests;
