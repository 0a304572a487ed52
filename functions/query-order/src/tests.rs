//! Questions and answers over in-memory views.

use envelope::{Envelope, Timestamp};
use event_store::Memory;
use ports::{ManualClock, MemoryViews};
use projection_kit::Projector;
use reaction::ReactTogether;

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

async fn deliver(views: &MemoryViews, event: &Envelope) {
    async fn project<P: Projection>(views: &MemoryViews, event: &Envelope) {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let projector = Projector::<P, _, _, _>::new(Memory::default(), views.clone(), clock);
        let mut answers = projector.react(std::slice::from_ref(event)).await;
        answers.remove(0).expect("folded");
    }
    project::<Order>(views, event).await;
    project::<Workflow>(views, event).await;
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
    let reserved = json!({ "orderId": "ord-1", "customerId": "c", "items": [], "payment": { "method": "m" },
        "total": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" } });
    deliver(
        &views,
        &event("InventoryReserved", "Reservation", &reserved),
    )
    .await;
    let answer = ask(&views, &store, "GET /orders/{id}/status", "ord-1").await;
    assert_eq!(answer["body"]["status"], "RESERVED");
    assert_eq!(answer["headers"]["retry-after"], "1", "it is still moving");

    let shipped = json!({ "orderId": "ord-1", "customerId": "c", "trackingNumber": "T-1" });
    let answer = ask(&views, &store, "GET /orders/{id}/workflow", "ord-1").await;
    let states = [0, 1, 2].map(|step| answer["body"]["steps"][step]["state"].clone());
    assert_eq!(states, ["done", "in-flight", "waiting"]);
    deliver(&views, &event("OrderShipped", "Shipment", &shipped)).await;
    let answer = ask(&views, &store, "GET /orders/{id}", "ord-1").await;
    assert_eq!(answer["body"]["status"], "SHIPPED");
    assert_eq!(answer["body"]["trackingNumber"], "T-1");
    assert_eq!(
        answer["body"]["history"].as_array().expect("a list").len(),
        2
    );
    assert_eq!(answer["headers"].get("retry-after"), None);
}
