//! `OrderPlaced` → `InventoryReserved` or `InventoryReserveFailed`.
//!
//! All products of an order are reserved in one transaction with the reservation itself: all or
//! none, and never twice. "Not enough" is said only after strongly consistent reads.

use std::collections::BTreeMap;

use domain::events::OrderPlaced;
use domain::{ProductId, Reservation, StockItem, reservation, stock_item};
use envelope::{Aggregate, Cause, Envelope};
use event_store::{AppendAll, AppendAllError, Decider, Folded, Load, LoadError, Transaction};
use ports::{Backoff, Clock, Consistency};
use reaction::{Done, Failure, React};

/// How often a reservation is tried against other orders for the same products, before the event
/// goes back to its queue.
const ATTEMPTS_MAX: u32 = 8;

/// The handler.
#[derive(Clone)]
pub struct ReserveInventory<S, C> {
    store: S,
    clock: C,
    reservations: Decider<Reservation, S, C>,
    stock: Decider<StockItem, S, C>,
}

/// Other orders took the same products every time.
#[derive(Debug, thiserror::Error)]
#[error("the stock is contended: {ATTEMPTS_MAX} attempts lost against other orders")]
struct Contended;

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

    async fn look(
        &self,
        order: &OrderPlaced,
        consistency: Consistency,
    ) -> Result<Stock, LoadError> {
        let mut wanted = BTreeMap::<_, u32>::new();
        for line in &order.items {
            let quantity = wanted.entry(line.product_id.clone()).or_default();
            *quantity = quantity.saturating_add(line.quantity);
        }
        let mut stock = Vec::with_capacity(wanted.len());
        for (product_id, quantity) in wanted {
            let seen = self.stock.load(product_id.as_str(), consistency).await?;
            stock.push((product_id, quantity, seen));
        }
        Ok(stock)
    }

    /// Adds every product to the transaction, or says what is short.
    fn take(
        &self,
        transaction: &mut Transaction<'_>,
        order: &OrderPlaced,
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

    async fn reserve(&self, order: OrderPlaced, cause: &Cause) -> Result<Done, Failure> {
        let id = order.order_id.as_str();
        let mut consistency = Consistency::Eventual;
        for attempt in 0..ATTEMPTS_MAX {
            let seen = self.reservations.load(id, consistency).await?;
            if seen.state != reservation::State::Absent {
                return Ok(Done::Duplicate);
            }
            let stock = self.look(&order, consistency).await?;
            let mut transaction = Transaction::new(cause);
            let reserved =
                Reservation::decide(&seen.state, &reservation::Command::Reserve(order.clone()))?;
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
            match transaction.commit(&self.store).await {
                Ok(()) => return Ok(Done::Handled),
                Err(AppendAllError::Conflict(_) | AppendAllError::Busy) => {
                    consistency = Consistency::Strong;
                    self.clock
                        .sleep(Backoff::IN_PROCESS.wait(attempt, cause.commit_id().digest()))
                        .await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Contended.into())
    }
}

impl<S: Load + AppendAll, C: Clock> React for ReserveInventory<S, C> {
    const NAME: &'static str = "reserve-inventory";
    /// The orders of one batch often want the same products.
    const CONCURRENCY: usize = 1;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let order = event.read::<OrderPlaced>().map_err(Failure::terminal)?;
        self.reserve(order, cause).await
    }
}

#[cfg(test)]
mod tests;
