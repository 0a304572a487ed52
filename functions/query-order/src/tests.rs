//! Questions and answers over in-memory views.

use domain::OrderId;
use envelope::{Envelope, Timestamp};
use event_store::Memory;
use ports::{ManualClock, MemoryViews, Revision, SaveView};

use super::*;

async fn ask(views: &MemoryViews, store: &Memory, route: &str, id: &str) -> Value {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let handler = QueryOrder::new(store.clone(), views.clone(), clock);
    let request = json!({ "routeKey": route, "pathParameters": { "id": id } });
    let mut answer = handler.handle(request).await.expect("JSON");
    answer["body"] = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
    answer
}

fn event(event_type: &str, aggregate_type: &str, data: &Value) -> Envelope {
    serde_json::from_value(json!({
        "eventId": event_type, "eventType": event_type, "schemaVersion": 1, "timestamp": "2026-01-01T00:00:00Z",
        "aggregateType": aggregate_type, "aggregateId": "ord-1", "version": 1, "data": data,
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

#[tokio::test]
async fn an_order_that_nobody_placed_is_not_found() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    for id in ["nobody", "", "a#b", &"x".repeat(3_000)] {
        let answer = ask(&views, &store, "GET /orders/{id}", id).await;
        assert_eq!(answer["statusCode"], 404, "{id}");
        assert_eq!(
            answer["headers"]["content-type"],
            "application/problem+json"
        );
    }
}

#[tokio::test]
async fn status_and_history_come_from_the_view_and_polling_ends_with_the_order() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    let mut view = OrderView::new(OrderId::new("ord-1"));
    let reserved = json!({ "orderId": "ord-1", "customerId": "c", "items": [], "payment": { "method": "m" },
        "total": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" } });
    view.fold(&event("InventoryReserved", "Reservation", &reserved))
        .expect("known");
    views
        .save("order#ord-1", &view, Revision(0))
        .await
        .expect("new");
    let answer = ask(&views, &store, "GET /orders/{id}/status", "ord-1").await;
    assert_eq!(answer["body"]["status"], "RESERVED");
    assert_eq!(answer["headers"]["retry-after"], "1", "it is still moving");

    let shipped = json!({ "orderId": "ord-1", "customerId": "c", "trackingNumber": "T-1" });
    view.fold(&event("OrderShipped", "Shipment", &shipped))
        .expect("known");
    views
        .save("order#ord-1", &view, Revision(1))
        .await
        .expect("next");
    let answer = ask(&views, &store, "GET /orders/{id}", "ord-1").await;
    assert_eq!(answer["body"]["status"], "SHIPPED");
    assert_eq!(answer["body"]["trackingNumber"], "T-1");
    assert_eq!(
        answer["body"]["history"].as_array().expect("a list").len(),
        2
    );
    assert_eq!(answer["headers"].get("retry-after"), None);
}
