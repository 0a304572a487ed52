//! The boundary: an event of another system is checked, deduplicated by its id, and stored as our own.
//!
//! What can never be taken (malformed, unknown, against a rule) becomes a dead letter at once. What
//! may only have come too early, like an order of a customer whose registration is still on its
//! way, is tried again.

use domain::customer::MayNotOrder;
use domain::events::{OrderPlaced, StockReplenished, UserAddressChanged, UserRegistered, Workflow};
use domain::{Customer, Order, StockItem, customer, order, stock_item};
use envelope::{Aggregate, Cause, EventData, Inbound, UnreadableEvent};
use event_store::{AppendAll, Decider, ExecuteError, Load, Once};
use ports::Clock;
use reaction::{Consume, Done, Failure, Message};

/// The handler.
#[derive(Clone)]
pub struct AcceptEvent<S, C> {
    customers: Decider<Customer, S, C>,
    orders: Decider<Order, S, C>,
    stock: Decider<StockItem, S, C>,
    usual: Workflow,
}

/// An event that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("aggregateId (or subject) names another aggregate than the data does")]
struct OtherAggregate;

impl<S: Load + AppendAll, C: Clock> AcceptEvent<S, C> {
    /// A handler over a store, and the style of orders that do not name one.
    #[must_use]
    pub fn new(store: S, clock: C, usual: Workflow) -> Self {
        Self {
            customers: Decider::new(store.clone(), clock.clone()),
            orders: Decider::new(store.clone(), clock.clone()),
            stock: Decider::new(store, clock),
            usual,
        }
    }

    async fn place(&self, placed: OrderPlaced, cause: &Cause) -> Result<Done, Failure> {
        let customer = self.customers.find(placed.customer_id.as_str()).await?;
        match customer.unwrap_or_default().state.may_order() {
            Ok(()) => {}
            Err(early @ MayNotOrder::Unknown) => return Err(Failure::transient(early)),
            Err(never @ MayNotOrder::Inactive) => return Err(Failure::terminal(never)),
        }
        let id = placed.order_id.as_str().to_owned();
        let place = order::Command::Place(placed.in_style(self.usual));
        let executed = self.orders.execute(&id, cause, &place).await;
        Ok(executed?.outcome.into())
    }

    async fn register(&self, registered: UserRegistered, cause: &Cause) -> Result<Done, Failure> {
        let id = registered.customer_id.as_str().to_owned();
        let register = customer::Command::Register(registered);
        let executed = self.customers.execute(&id, cause, &register).await;
        Ok(executed?.outcome.into())
    }

    async fn move_house(
        &self,
        changed: UserAddressChanged,
        cause: &Cause,
    ) -> Result<Done, Failure> {
        let id = changed.customer_id.as_str().to_owned();
        let change = customer::Command::ChangeAddress(changed);
        match self.customers.execute(&id, cause, &change).await {
            Err(ExecuteError::Rejected(early @ customer::Rejection::Unknown)) => {
                Err(Failure::transient(early))
            }
            executed => Ok(executed?.outcome.into()),
        }
    }

    /// Adding to stock has no natural idempotency, and a product's stream forgets old commits soon:
    /// the event's id is claimed in the same transaction.
    async fn replenish(
        &self,
        replenished: StockReplenished,
        cause: &Cause,
    ) -> Result<Done, Failure> {
        let id = replenished.product_id.as_str().to_owned();
        let replenish = stock_item::Command::Replenish(replenished);
        let no_note = Some(|_| String::new());
        let decide = |state: &stock_item::State, _| StockItem::decide(state, &replenish);
        let once = self.stock.execute_once(&id, cause, decide, no_note);
        Ok(match once.await? {
            Once::Executed(_) => Done::Handled,
            Once::Before(_) => Done::Duplicate,
        })
    }
}

/// The typed data, once it was checked that the envelope speaks of the same aggregate.
fn data_of<D: EventData>(inbound: &Inbound, id: impl Fn(&D) -> &str) -> Result<D, Failure> {
    let data = UnreadableEvent::read::<D>(inbound.schema_version, &inbound.data)?;
    match &inbound.aggregate_id {
        Some(said) if said != id(&data) => Err(Failure::terminal(OtherAggregate)),
        _ => Ok(data),
    }
}

impl<S: Load + AppendAll, C: Clock> Consume for AcceptEvent<S, C> {
    const NAME: &'static str = "accept-event";
    const CONCURRENCY: usize = 10;

    async fn consume(&self, message: &Message) -> Result<Done, Failure> {
        let mut inbound = Inbound::read(message.detail()).map_err(Failure::terminal)?;
        schemas::validate(&inbound.event_type, inbound.schema_version, &inbound.data)
            .map_err(Failure::terminal)?;
        if let Some(source) = message.body.get("source") {
            inbound
                .metadata
                .extra
                .entry("source".to_owned())
                .or_insert_with(|| source.clone());
        }
        let cause = inbound.cause();
        match inbound.event_type.as_str() {
            OrderPlaced::TYPE => {
                let placed = data_of(&inbound, |e: &OrderPlaced| e.order_id.as_str())?;
                self.place(placed, &cause).await
            }
            UserRegistered::TYPE => {
                let registered = data_of(&inbound, |e: &UserRegistered| e.customer_id.as_str())?;
                self.register(registered, &cause).await
            }
            UserAddressChanged::TYPE => {
                let changed = data_of(&inbound, |e: &UserAddressChanged| e.customer_id.as_str())?;
                self.move_house(changed, &cause).await
            }
            StockReplenished::TYPE => {
                let replenished = data_of(&inbound, |e: &StockReplenished| e.product_id.as_str())?;
                self.replenish(replenished, &cause).await
            }
            other => Err(Failure::terminal(UnreadableEvent::unknown(
                other,
                inbound.schema_version,
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
