//! Workflows in each form, and what of a saga shows in the status.

use super::*;

/// The workflow of the order, in whichever form, this much later.
async fn workflow_after(
    (views, store): (&MemoryViews, &Memory),
    seconds: i64,
    query: Value,
    headers: Value,
) -> (u64, String, String, String) {
    let clock = ManualClock::at(Timestamp::from_millis(seconds * 1_000));
    let handler = QueryOrder::new(store.clone(), views.clone(), clock);
    let customer = json!({ "sub": "cust-1" });
    let request = request(&customer, ROUTES[2], "ord-1", &query, &headers);
    let answer = handler.handle(request).await.expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = &answer["headers"];
    (
        answer["statusCode"].as_u64().expect("a status"),
        text(&headers["content-type"]),
        text(&headers["etag"]),
        text(&answer["body"]),
    )
}

#[tokio::test]
async fn a_workflow_is_told_in_json_and_drawn_for_whoever_asks() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    project_all(&views, &store).await;
    let at = (&views, &store);
    let (json, mermaid, svg) = ("application/json", "text/vnd.mermaid", "image/svg+xml");
    let by_format = [("json", json), ("mermaid", mermaid), ("svg", svg)];
    let mut tags = Vec::new();
    for (format, media) in by_format {
        // The format goes before the header.
        for (query, accept) in [(json!({}), media), (json!({ "format": format }), "text/*")] {
            let answer = workflow_after(at, 0, query, json!({ "Accept": accept })).await;
            assert_eq!((answer.0, answer.1.as_str()), (200, media));
            let begins = ["{", "---", "<svg"]
                .iter()
                .any(|begin| answer.3.starts_with(begin));
            assert!(
                begins && answer.3.contains("reserve-inventory"),
                "{}",
                answer.3
            );
            tags.push(answer.2);
        }
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "a tag for each form");
    let unknown = workflow_after(at, 0, json!({ "format": "png" }), json!({})).await;
    assert_eq!(unknown.0, 400);
}

#[tokio::test]
async fn that_a_workflow_grows_older_is_no_news() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    project_all(&views, &store).await;
    let at = (&views, &store);
    let age = |body: &str| {
        let body: Value = serde_json::from_str(body).expect("JSON");
        body["ageSeconds"].as_u64()
    };
    let first = workflow_after(at, 7, json!({}), json!({})).await;
    let later = workflow_after(at, 90, json!({}), json!({})).await;
    assert_eq!((age(&first.3), age(&later.3)), (Some(7), Some(90)));
    let known = json!({ "If-None-Match": first.2 });
    assert_eq!(
        workflow_after(at, 90, json!({}), known.clone()).await.0,
        304
    );
    let reserved = json!({ "orderId": "ord-1", "customerId": "c", "reason": "none left" });
    let reserved = event("InventoryReserveFailed", "Reservation", &reserved);
    deliver(&views, &reserved).await;
    assert_eq!(workflow_after(at, 90, json!({}), known).await.0, 200);
}

/// A choreography ends when the parcel is on its way; a saga has a step left then.
#[tokio::test]
async fn a_shipped_order_with_a_saga_is_not_done_yet() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    let mut placed = store.log_from(0)[0].envelopes().remove(0);
    placed.data["workflow"] = json!("orchestration");
    deliver(&views, &placed).await;
    let shipped = json!({ "orderId": "ord-1", "customerId": "cust-1", "trackingNumber": "T-1" });
    deliver(&views, &event("OrderShipped", "Shipment", &shipped)).await;
    let stage = async || {
        let answer = ask(&views, &store, ROUTES[1], "ord-1").await;
        let moves = answer["headers"].get("retry-after").is_some();
        (
            answer["body"]["stage"].clone(),
            answer["body"]["status"].clone(),
            moves,
        )
    };
    assert_eq!(stage().await, (json!("workflow"), json!("SHIPPED"), true));
    let whole = ask(&views, &store, ROUTES[0], "ord-1").await;
    assert_eq!(whole["headers"]["retry-after"], "1");
    assert_eq!(whole["body"]["workflow"], "orchestration");
    let mut completed = event("OrderCompleted", "Order", &shipped);
    completed.version = Version::new(2);
    deliver(&views, &completed).await;
    assert_eq!(stage().await, (json!("done"), json!("COMPLETED"), false));
}

/// One word of the saga of the order, at this version of its stream.
async fn saga_says(views: &MemoryViews, version: u64, event_type: &str, data: Value) {
    let mut said = event(event_type, "OrderSaga", &data);
    said.version = Version::new(version);
    project::<Workflow>(views, &said).await;
}

#[tokio::test]
async fn what_a_saga_undoes_or_is_stuck_at_shows_before_the_order_says_that_it_failed() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    project_all(&views, &store).await;
    let placed = json!({ "event": "OrderPlaced", "version": 1 });
    let began = json!({ "definition": 1, "step": "place-order", "answer": placed, "kept": {} });
    let (why, step) = (json!({ "reason": "declined" }), "reserve-inventory");
    let asked = json!({ "step": step, "attempt": 1, "deadline": "2026-01-01T00:10:00Z" });
    let gave_up = json!({ "step": step, "undoing": true, "attempts": 8, "reason": "no answer" });
    let stage = async || {
        let answer = ask(&views, &store, ROUTES[1], "ord-1").await;
        assert_eq!(answer["headers"]["retry-after"], "1", "it is not over");
        let body = &answer["body"];
        json!([body["stage"], body["step"]["state"], body["reason"]])
    };
    saga_says(&views, 1, "SagaStarted", began).await;
    saga_says(&views, 2, "SagaStepStarted", asked.clone()).await;
    assert_eq!(stage().await, json!(["workflow", "in-flight", null]));
    saga_says(&views, 3, "SagaCompensating", why).await;
    saga_says(&views, 4, "SagaUndoStarted", asked).await;
    assert_eq!(stage().await[0], "compensating");
    saga_says(&views, 5, "SagaStuck", gave_up).await;
    assert_eq!(stage().await, json!(["stuck", "stuck", "declined"]));
}
