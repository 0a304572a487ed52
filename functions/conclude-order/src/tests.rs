//! Every end that an order can come to, and that it comes to one of them once.

use domain::events::OrderPlaced;
use envelope::{CommandId, Timestamp};
use event_store::{Commit, Memory};
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Handler = ConcludeOrder<Memory, ManualClock>;

fn handler(store: &Memory) -> Handler {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    ConcludeOrder::new(store.clone(), clock)
}

/// A store in which the order `ord-1` was placed.
async fn placed() -> Memory {
    let store = Memory::default();
    let order: OrderPlaced = serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1",
        "items": [{ "productId": "a", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }],
        "total": { "amount": 5, "currency": "EUR" },
        "shippingAddress": { "line1": "x" }, "payment": { "method": "sandbox-approve" },
    }))
    .expect("an order");
    let cause = Cause::command(&CommandId::new("in-1").expect("valid"));
    let place = order::Command::Place(order);
    let orders = handler(&store).orders;
    orders.execute("ord-1", &cause, &place).await.expect("new");
    store
}

fn event(event_type: &str, told: &Value) -> Envelope {
    let mut data = json!({ "orderId": "ord-1", "customerId": "cust-1" });
    for (name, value) in told.as_object().expect("an object") {
        data[name] = value.clone();
    }
    serde_json::from_value(json!({
        "eventId": format!("evt-{event_type}"), "eventType": event_type, "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Any", "aggregateId": "ord-1", "version": 1,
        "data": data, "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

/// Each delivery meets a new process.
async fn react(store: &Memory, event: &Envelope) -> Result<Done, Failure> {
    let cause = Cause::reaction(event, Handler::NAME).expect("short");
    handler(store).react(event, &cause, 1).await
}

/// What happened to the order after it was placed.
fn ends(store: &Memory) -> Vec<(String, Value)> {
    let log = store.log_from(1);
    let events = log.iter().flat_map(Commit::envelopes);
    events.map(|e| (e.event_type, e.data)).collect()
}

#[tokio::test]
async fn a_shipped_order_is_fulfilled_once_and_keeps_its_tracking_number() {
    let store = placed().await;
    let shipped = event("OrderShipped", &json!({ "trackingNumber": "T-1" }));
    assert_eq!(react(&store, &shipped).await.expect("new"), Done::Handled);
    let again = react(&store, &shipped).await.expect("known");
    assert_eq!(again, Done::Duplicate);
    let data = json!({ "orderId": "ord-1", "customerId": "cust-1", "trackingNumber": "T-1" });
    assert_eq!(ends(&store), [("OrderFulfilled".to_owned(), data)]);
}

#[tokio::test]
async fn every_step_that_fails_for_good_ends_the_order_once_with_the_step_and_its_reason() {
    for (event_type, expected) in [
        ("InventoryReserveFailed", "out of stock: so it was"),
        ("PaymentFailed", "payment declined: so it was"),
        ("ShipmentFailed", "not deliverable: so it was"),
    ] {
        let store = placed().await;
        let failed = event(event_type, &json!({ "reason": "so it was" }));
        assert_eq!(react(&store, &failed).await.expect("new"), Done::Handled);
        let again = react(&store, &failed).await.expect("known");
        assert_eq!(again, Done::Duplicate);
        let data = json!({ "orderId": "ord-1", "customerId": "cust-1", "reason": expected });
        assert_eq!(ends(&store), [("OrderFailed".to_owned(), data)]);
    }
}

#[tokio::test]
async fn an_order_that_has_ended_does_not_end_again() {
    let store = placed().await;
    let declined = event("PaymentFailed", &json!({ "reason": "no funds" }));
    let undeliverable = event("ShipmentFailed", &json!({ "reason": "no address" }));
    let shipped = event("OrderShipped", &json!({ "trackingNumber": "T-1" }));
    react(&store, &declined).await.expect("new");
    let second = react(&store, &undeliverable).await.expect("no effect");
    assert_eq!(second, Done::Duplicate);
    let contradiction = react(&store, &shipped).await.expect_err("it failed");
    assert!(format!("{contradiction:?}").contains("Ended"));
    assert_eq!(ends(&store).len(), 1);
}

#[tokio::test]
async fn what_the_services_report_of_a_cancelled_order_changes_nothing() {
    let store = placed().await;
    let cause = Cause::command(&CommandId::new("cancel-1").expect("valid"));
    let cancel = order::Command::Cancel { reason: None };
    let orders = handler(&store).orders;
    orders
        .execute("ord-1", &cause, &cancel)
        .await
        .expect("open");
    let failed = json!({ "reason": "so it was" });
    for report in [
        event("OrderShipped", &json!({ "trackingNumber": "T-1" })),
        event("InventoryReserveFailed", &failed),
        event("PaymentFailed", &failed),
        event("ShipmentFailed", &failed),
    ] {
        let done = react(&store, &report).await.expect("expected");
        assert_eq!(done, Done::Duplicate);
    }
    let data = json!({ "orderId": "ord-1", "customerId": "cust-1" });
    assert_eq!(ends(&store), [("OrderCancelled".to_owned(), data)]);
}

#[tokio::test]
async fn the_end_of_an_order_that_does_not_exist_is_terminal() {
    let store = Memory::default();
    let shipped = event("OrderShipped", &json!({ "trackingNumber": "T-1" }));
    let result = react(&store, &shipped).await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    assert!(store.log_from(0).is_empty());
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let store = placed().await;
    let unknown = react(&store, &event("PaymentRefunded", &json!({}))).await;
    assert!(matches!(unknown, Err(Failure::Terminal(_))), "{unknown:?}");
    let unreadable = react(&store, &event("OrderShipped", &json!({}))).await;
    assert!(matches!(unreadable, Err(Failure::Terminal(_))));
    assert!(ends(&store).is_empty());
}
