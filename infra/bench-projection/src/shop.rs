//! A shop's events, as the domain would store them: made without deciding, so that filling a table is quick.

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result};
use domain::events::{
    Address, InventoryReserved, OrderFulfilled, OrderLine, OrderPlaced, OrderShipped,
    PaymentCompleted, PaymentTerms, StockReplenished,
};
use domain::{
    Aggregate, CustomerId, Money, Order, OrderId, Payment, ProductId, Reservation, Shipment,
    StockItem, stock_item,
};
use envelope::{Cause, CommandId, Envelope, Timestamp};
use event_store::{Append, AppendError, Commit, Decider, Memory, Transaction};
use futures::future::Either;
use futures::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use ports::{Consistency, Ids as _, ManualClock, RandomIds, SystemClock};

/// Events of an order's own streams; one more is in the stream of a product.
pub(crate) const EVENTS_OF_AN_ORDER: usize = 5;
const PRODUCTS: u32 = 20;
const CUSTOMERS: u32 = 1_000;
/// Events of one commit to a product's stream.
const STOCK_EVENTS: usize = 50;
const AT_THE_SAME_TIME: usize = 32;
const BEGAN_MS: i64 = 1_790_000_000_000;

/// Half a second between two orders.
fn time(number: u32, step: i64) -> Timestamp {
    Timestamp::from_millis(BEGAN_MS + i64::from(number) * 500 + step * 100)
}

/// A store in memory that makes commits of what is said to have happened.
#[derive(Default)]
struct Drafts {
    memory: Memory,
}

impl Drafts {
    async fn happen<A: Aggregate>(&self, id: &str, time: Timestamp, events: &[A::Event]) {
        let clock = ManualClock::at(time);
        let decider = Decider::<A, _, _>::new(self.memory.clone(), clock.clone());
        let seen = decider.load(id, Consistency::Strong).await;
        let seen = seen.expect("in memory");
        let cause = CommandId::new(format!("{}-{id}-{}", A::TYPE, seen.version)).expect("an id");
        let cause = Cause::command(&cause);
        let mut transaction = Transaction::new(&cause);
        let added = transaction.add(&decider, id, &seen, events);
        added.expect("an id");
        let committed = transaction.commit(&self.memory, &clock).await;
        committed.expect("in memory");
    }
}

/// The commits of one order that ends well, in the order in which they are stored.
pub(crate) async fn order(number: u32) -> Vec<Commit> {
    let id = format!("ord-{number}");
    let (order_id, customer_id) = (
        OrderId::new(&id),
        CustomerId::new(format!("cust-{}", number % CUSTOMERS)),
    );
    let line = OrderLine {
        product_id: ProductId::new(format!("p-{}", number % PRODUCTS)),
        quantity: 1,
        unit_price: Money::new(1_999, "EUR"),
    };
    let (items, total) = (vec![line], Money::new(1_999, "EUR"));
    let shipping_address = Address(
        [("line1".to_owned(), "1 High Street".into())]
            .into_iter()
            .collect(),
    );
    let payment = PaymentTerms {
        method: "sandbox-approve".to_owned(),
    };
    let placed = OrderPlaced {
        order_id: order_id.clone(),
        customer_id: customer_id.clone(),
        items: items.clone(),
        total: total.clone(),
        shipping_address: shipping_address.clone(),
        payment: payment.clone(),
        workflow: None,
    };
    let reserved = InventoryReserved {
        order_id: order_id.clone(),
        customer_id: customer_id.clone(),
        items: items.clone(),
        total: total.clone(),
        payment,
        shipping_address: shipping_address.clone(),
    };
    let paid = PaymentCompleted {
        order_id: order_id.clone(),
        customer_id: customer_id.clone(),
        amount: total,
        provider_reference: format!("ref-{number}"),
        items,
        shipping_address,
    };
    let tracking_number = format!("track-{number}");
    let shipped = OrderShipped {
        order_id: order_id.clone(),
        customer_id: customer_id.clone(),
        tracking_number: tracking_number.clone(),
    };
    let fulfilled = OrderFulfilled {
        order_id,
        customer_id,
        tracking_number,
    };
    let drafts = Drafts::default();
    let at = |step| time(number, step);
    drafts.happen::<Order>(&id, at(0), &[placed.into()]).await;
    drafts
        .happen::<Reservation>(&id, at(1), &[reserved.into()])
        .await;
    drafts.happen::<Payment>(&id, at(2), &[paid.into()]).await;
    drafts
        .happen::<Shipment>(&id, at(3), &[shipped.into()])
        .await;
    drafts
        .happen::<Order>(&id, at(4), &[fulfilled.into()])
        .await;
    drafts.memory.log_from(0)
}

/// What came in of one product: as many events as orders want it.
async fn stock(product: u32, events: usize) -> Vec<Commit> {
    let id = format!("p-{product}");
    let event = StockReplenished {
        product_id: ProductId::new(&id),
        quantity: 1,
    };
    let all = vec![stock_item::StockEvent::from(event); events];
    let drafts = Drafts::default();
    for events in all.chunks(STOCK_EVENTS) {
        drafts.happen::<StockItem>(&id, time(0, 0), events).await;
    }
    drafts.memory.log_from(0)
}

/// A unit of some product comes in, as it does while the shop is open.
pub(crate) async fn replenish(
    stock: &Decider<StockItem, EventStore, SystemClock>,
    number: u32,
) -> Result<Vec<Envelope>> {
    let id = format!("p-{}", number % PRODUCTS);
    let cause = Cause::command(&CommandId::from_uuid(RandomIds.next()));
    let replenish = stock_item::Command::Replenish(StockReplenished {
        product_id: ProductId::new(&id),
        quantity: 1,
    });
    let executed = stock.execute(&id, &cause, &replenish).await;
    Ok(executed.context("nothing came in")?.events())
}

/// Stores it; to store it again does no harm.
pub(crate) async fn append<S: Append>(store: &S, commit: &Commit) -> Result<()> {
    match store.append(commit).await {
        Ok(()) | Err(AppendError::Conflict(_)) => Ok(()),
        Err(error) => Err(error).context("the shop cannot be filled"),
    }
}

/// Fills a store with orders, and says how many events that are.
pub(crate) async fn fill<S: Append>(store: &S, orders: u32) -> Result<u64> {
    let bar = bar("Filling the store", u64::from(orders));
    let each = (orders / PRODUCTS) as usize;
    let orders_of = futures::stream::iter(0..orders).map(order);
    let stocks = futures::stream::iter(0..PRODUCTS).map(|product| stock(product, each));
    let all = orders_of.map(Either::Left).chain(stocks.map(Either::Right));
    let appended = all
        .map(Ok)
        .try_for_each_concurrent(AT_THE_SAME_TIME, async |commits| {
            for commit in &commits.await {
                append(store, commit).await?;
            }
            bar.inc(1);
            anyhow::Ok(())
        });
    appended.await?;
    bar.finish_and_clear();
    Ok(u64::from(orders) * EVENTS_OF_AN_ORDER as u64 + u64::from(PRODUCTS) * each as u64)
}

/// A bar on standard error.
pub(crate) fn bar(label: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length).with_prefix(label.to_owned());
    // A template that indicatif refuses costs the look, not the step.
    if let Ok(style) =
        ProgressStyle::with_template("{prefix} {bar:24.cyan/dim} {pos}/{len} {eta:.dim}")
    {
        bar.set_style(style);
    }
    bar
}
