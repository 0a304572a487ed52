//! What an order held is free again, all of it, once, whichever event says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::events::{OrderPlaced, StockReplenished};
use envelope::{CommandId, CommitId, StreamId, Timestamp, Version};
use event_store::{Append, AppendError, Claim, Commit, Loaded, Memory, ReadError};
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Handler = ReleaseInventory<Memory, ManualClock>;

/// Everything that leads here.
const EVENTS: [&str; 3] = ["PaymentFailed", "ShipmentFailed", "OrderCancelled"];

fn handler(store: &Memory) -> Handler {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    ReleaseInventory::new(store.clone(), clock)
}

fn order(order_id: &str) -> OrderPlaced {
    let line = |product: &str, quantity: u32| json!({ "productId": product, "quantity": quantity, "unitPrice": { "amount": 1, "currency": "EUR" } });
    serde_json::from_value(json!({
        "orderId": order_id, "customerId": "cust-1",
        "items": [line("a", 2), line("b", 1), line("a", 1)],
        "total": { "amount": 4, "currency": "EUR" },
        "shippingAddress": { "line1": "x" }, "payment": { "method": "any" },
    }))
    .expect("an order")
}

/// Ten of `a` and of `b`, of which `ord-1` and `ord-2` hold three and one each.
async fn held_for_two() -> Memory {
    held_for(&["ord-1", "ord-2"]).await
}

async fn held_for(ids: &[&str]) -> Memory {
    let store = Memory::default();
    let Handler {
        reservations,
        stock,
        ..
    } = handler(&store);
    for product in ["a", "b"] {
        let mut commands = vec![stock_item::Command::Replenish(StockReplenished {
            product_id: domain::ProductId::new(product),
            quantity: 10,
        })];
        for order in ids.iter().map(|id| order(id)) {
            let quantity = quantities(&order.items)[&domain::ProductId::new(product)];
            commands.push(stock_item::Command::Reserve {
                product_id: domain::ProductId::new(product),
                order_id: order.order_id,
                quantity,
            });
        }
        for (n, command) in commands.iter().enumerate() {
            let cause = cause(&format!("in-{product}-{n}"));
            let result = stock.execute(product, &cause, command).await;
            result.expect("enough");
        }
    }
    for id in ids {
        let reserve = reservation::Command::Reserve(order(id).into());
        let result = reservations.execute(id, &cause(id), &reserve).await;
        result.expect("new");
    }
    store
}

fn cause(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("valid"))
}

fn event(event_type: &str) -> Envelope {
    serde_json::from_value(json!({
        "eventId": format!("evt-{event_type}"), "eventType": event_type, "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Any", "aggregateId": "ord-1", "version": 1,
        "data": { "orderId": "ord-1", "customerId": "cust-1", "reason": "so it was" },
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

/// Each delivery meets a new process.
async fn react(store: &Memory, event_type: &str) -> Result<Done, Failure> {
    let event = event(event_type);
    let cause = Cause::reaction(&event, Handler::NAME).expect("short");
    handler(store).react(&event, &cause, 1).await
}

async fn left(store: &Memory, product: &str) -> (u64, u64) {
    let stock = handler(store).stock;
    let folded = stock.load(product, Consistency::Strong).await;
    let state = folded.expect("memory").state;
    (state.available, state.reserved)
}

fn happened(store: &Memory, event_type: &str) -> Vec<Value> {
    let log = store.log_from(0);
    let events = log.iter().flat_map(Commit::envelopes);
    let of_type = events.filter(|event| event.event_type == event_type);
    of_type.map(|event| event.data).collect()
}

/// All that `ord-1` held is free, and what `ord-2` holds is not.
async fn expect_one_release(store: &Memory) {
    assert_eq!(left(store, "a").await, (7, 3));
    assert_eq!(left(store, "b").await, (9, 1));
    let released = happened(store, "InventoryReleased");
    let items = serde_json::to_value(order("ord-1").items).expect("JSON");
    assert_eq!(released, [json!({ "orderId": "ord-1", "items": items })]);
    let freed = happened(store, "StockReleased");
    assert_eq!(freed.len(), 2, "one for each product");
}

#[tokio::test]
async fn each_event_releases_exactly_what_the_order_held_and_a_second_delivery_nothing() {
    for event_type in EVENTS {
        let store = held_for_two().await;
        let first = react(&store, event_type).await.expect("held");
        assert_eq!(first, Done::Handled);
        let again = react(&store, event_type).await.expect("known");
        assert_eq!(again, Done::Duplicate);
        expect_one_release(&store).await;
    }
}

#[tokio::test]
async fn two_events_release_once_in_either_order_and_at_once() {
    let pairs = EVENTS
        .iter()
        .flat_map(|one| EVENTS.map(|other| (*one, other)));
    for (first, second) in pairs.filter(|(first, second)| first != second) {
        let store = held_for_two().await;
        react(&store, first).await.expect("held");
        let later = react(&store, second).await.expect("released before");
        assert_eq!(later, Done::Duplicate);
        expect_one_release(&store).await;
        let store = held_for_two().await;
        let (one, other) = tokio::join!(react(&store, first), react(&store, second));
        one.expect("released or known");
        other.expect("released or known");
        expect_one_release(&store).await;
    }
}

/// A store in which another delivery releases everything between two reads of this one.
#[derive(Clone)]
struct Overtaken(Memory, Arc<AtomicBool>);

impl Load for Overtaken {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        if stream.aggregate_type() == StockItem::TYPE && !self.1.swap(true, Ordering::Relaxed) {
            react(&self.0, "ShipmentFailed").await.expect("held");
        }
        self.0.load(stream, layout, until, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.0.read(stream, from, to, consistency).await
    }
}

impl Append for Overtaken {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.0.append(commit).await
    }
}

impl AppendAll for Overtaken {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        self.0.append_all(commits, claim).await
    }

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        self.0.note_of(claim).await
    }
}

#[tokio::test]
async fn a_release_that_another_one_overtakes_between_its_reads_is_no_dead_letter() {
    let store = held_for(&["ord-1"]).await;
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler = ReleaseInventory::new(Overtaken(store.clone(), Arc::default()), clock);
    let event = event("OrderCancelled");
    let cause = Cause::reaction(&event, Handler::NAME).expect("short");
    let overtaken = handler.react(&event, &cause, 1).await;
    assert!(
        matches!(overtaken, Err(Failure::Transient(_))),
        "{overtaken:?}"
    );
    let again = handler.react(&event, &cause, 2).await;
    assert_eq!(again.expect("released before"), Done::Duplicate);
    assert_eq!(left(&store, "a").await, (10, 0));
    assert_eq!(happened(&store, "InventoryReleased").len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_without_a_reservation_will_never_have_one() {
    let store = Memory::default();
    let first = react(&store, "OrderCancelled").await.expect("closed");
    assert_eq!(first, Done::Handled);
    let again = react(&store, "OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    let released = happened(&store, "InventoryReleased");
    assert_eq!(released, [json!({ "orderId": "ord-1", "items": [] })]);
    assert_eq!(store.log_from(0).len(), 1, "no stock was touched");
}

#[tokio::test]
async fn an_order_that_was_refused_holds_nothing_and_releases_nothing() {
    let store = Memory::default();
    let refuse = reservation::Command::Refuse {
        order: order("ord-1").into(),
        reason: "short".to_owned(),
    };
    let reservations = handler(&store).reservations;
    let result = reservations.execute("ord-1", &cause("in"), &refuse).await;
    assert_eq!(
        result.expect("new").events()[0].event_type,
        "InventoryReserveFailed"
    );
    for event_type in EVENTS {
        let done = react(&store, event_type).await.expect("nothing held");
        assert_eq!(done, Done::Duplicate);
    }
    assert!(happened(&store, "InventoryReleased").is_empty());
}

#[tokio::test]
async fn an_order_that_failed_without_a_reservation_releases_nothing_and_is_terminal() {
    for event_type in ["PaymentFailed", "ShipmentFailed"] {
        let store = Memory::default();
        let result = react(&store, event_type).await;
        assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
        assert!(store.log_from(0).is_empty());
    }
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let store = held_for_two().await;
    let result = react(&store, "OrderShipped").await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    assert_eq!(left(&store, "a").await, (4, 6));
}
