//! The boundary over the in-memory store.

use envelope::{StreamId, Timestamp, Version};
use event_store::Memory;
use ports::{Consistency, ManualClock};
use serde_json::{Value, json};

use super::*;

fn world() -> (AcceptEvent<Memory, ManualClock>, Memory) {
    let store = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler = AcceptEvent::new(store.clone(), clock, Workflow::Orchestration);
    (handler, store)
}

fn message(detail: &Value) -> Message {
    Message::bare(json!({ "source": "shop.web", "detail-type": "OrderPlaced", "detail": detail }))
}

fn registered(active: bool) -> Message {
    message(
        &json!({ "eventId": "reg-1", "eventType": "UserRegistered", "data": {
            "customerId": "cust-1", "name": "Ada", "email": "ada@example.com", "phone": "+441234567", "active": active,
        }}),
    )
}

fn order() -> Value {
    json!({ "eventId": "evt-1", "eventType": "OrderPlaced", "timestamp": "2026-01-02T03:04:05Z",
        "aggregateId": "ord-1", "metadata": { "correlationId": "story-1", "causationId": "cart-1" },
        "data": {
            "orderId": "ord-1", "customerId": "cust-1",
            "items": [{ "productId": "prod-1", "quantity": 2, "unitPrice": { "amount": 50, "currency": "EUR" } }],
            "total": { "amount": 100, "currency": "EUR" },
            "shippingAddress": { "line1": "1 High Street" }, "payment": { "method": "sandbox-approve" },
    }})
}

fn is_terminal(result: Result<Done, Failure>) -> String {
    match result {
        Err(Failure::Terminal(error)) => telemetry::chain(error.as_ref()),
        other => panic!("not refused for good: {other:?}"),
    }
}

#[tokio::test]
async fn an_event_is_stored_as_it_came_under_its_own_id_in_its_own_story() {
    let (handler, store) = world();
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    assert_eq!(
        handler.consume(&message(&order())).await.expect("taken"),
        Done::Handled
    );
    let stream = StreamId::new("Order", "ord-1").expect("valid");
    let commits = store
        .read(&stream, Version::new(1), Version::MAX, Consistency::Strong)
        .await
        .expect("memory");
    let stored = &commits[0].envelopes()[0];
    assert_eq!(stored.event_id.as_str(), "evt-1");
    assert_eq!(stored.metadata.correlation_id.as_str(), "story-1");
    assert_eq!(stored.metadata.causation_id.as_deref(), Some("cart-1"));
    assert_eq!(stored.metadata.extra["source"], "shop.web");
    assert_eq!(stored.metadata.extra["occurredAt"], "2026-01-02T03:04:05Z");
    let mut data = order()["data"].take();
    data["workflow"] = json!("orchestration");
    assert_eq!(stored.data, data, "and says its style");
}

#[tokio::test]
async fn twenty_deliveries_are_one_event() {
    let (handler, store) = world();
    let stock = message(&json!({ "eventId": "in-1", "eventType": "StockReplenished",
        "data": { "productId": "prod-1", "quantity": 5 } }));
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    for delivery in 0..20 {
        let expected = if delivery == 0 {
            Done::Handled
        } else {
            Done::Duplicate
        };
        for message in [&message(&order()), &stock] {
            // A new process knows nothing of what the last one saw.
            let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
            let handler = AcceptEvent::new(store.clone(), clock, Workflow::Choreography);
            assert_eq!(handler.consume(message).await.expect("taken"), expected);
        }
    }
    assert_eq!(store.log_from(0).len(), 3, "customer, order, stock");
}

#[tokio::test]
async fn a_replenishment_is_counted_once_however_much_happens_to_the_product_in_between() {
    let (handler, store) = world();
    let stock = |id: usize| {
        message(
            &json!({ "eventId": format!("in-{id}"), "eventType": "StockReplenished",
            "data": { "productId": "prod-1", "quantity": 1 } }),
        )
    };
    for id in 0..30 {
        assert_eq!(
            handler.consume(&stock(id)).await.expect("taken"),
            Done::Handled
        );
    }
    assert_eq!(
        handler.consume(&stock(0)).await.expect("known"),
        Done::Duplicate
    );
    assert_eq!(store.log_from(0).len(), 30);
}

#[tokio::test]
async fn an_order_of_a_customer_who_is_not_known_yet_is_tried_again() {
    let (handler, _) = world();
    let early = handler.consume(&message(&order())).await;
    assert!(matches!(early, Err(Failure::Transient(_))));
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    assert_eq!(
        handler.consume(&message(&order())).await.expect("taken"),
        Done::Handled
    );
}

#[tokio::test]
async fn what_can_never_be_taken_is_refused_with_its_reason_and_changes_nothing() {
    let (handler, store) = world();
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (
            |e| e["eventType"] = json!("PaymentCompleted"),
            "not accepted",
        ),
        (|e| e["eventType"] = json!("Nonsense"), "not accepted"),
        (|e| e["schemaVersion"] = json!(9), "version 9"),
        (|e| e["data"]["items"] = json!([]), "/items"),
        (|e| e["data"]["total"]["amount"] = json!(99), "add up"),
        (
            |e| e["data"]["shippingAddress"] = json!({}),
            "/shippingAddress",
        ),
        (|e| e["aggregateId"] = json!("ord-2"), "another aggregate"),
        (|e| *e = json!("nonsense"), "not an event"),
    ];
    for (change, expected) in cases {
        let mut event = order();
        change(&mut event);
        let reason = is_terminal(handler.consume(&message(&event)).await);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    assert_eq!(store.log_from(0).len(), 1, "the customer alone");
}

#[tokio::test]
async fn an_order_id_belongs_to_the_first_event_and_a_closed_account_may_not_order() {
    let (handler, _) = world();
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    handler.consume(&message(&order())).await.expect("taken");
    let mut other = order();
    other["eventId"] = json!("evt-2");
    assert!(is_terminal(handler.consume(&message(&other)).await).contains("placed before"));

    let (handler, _) = world();
    handler
        .consume(&registered(false))
        .await
        .expect("a customer");
    assert!(is_terminal(handler.consume(&message(&order())).await).contains("not active"));
}

#[tokio::test]
async fn an_order_says_its_style_from_the_start_or_gets_the_usual_one() {
    let (handler, store) = world();
    handler
        .consume(&registered(true))
        .await
        .expect("a customer");
    for (id, asked, style) in [
        ("ord-1", None, "orchestration"),
        ("ord-2", Some("choreography"), "choreography"),
    ] {
        let mut order = order();
        order["eventId"] = json!(id);
        order["aggregateId"] = json!(id);
        order["data"]["orderId"] = json!(id);
        if let Some(asked) = asked {
            order["data"]["workflow"] = json!(asked);
        }
        handler.consume(&message(&order)).await.expect("taken");
        let placed = store.log_from(0).pop().expect("a commit").envelopes();
        assert_eq!(placed[0].data["workflow"], style);
    }
}
