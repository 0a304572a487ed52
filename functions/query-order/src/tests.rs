//! Questions and answers over in-memory views.

use envelope::{Envelope, Timestamp};
use event_store::Memory;
use ports::{ManualClock, MemoryViews};
use projection_kit::Projector;
use reaction::ReactTogether;

use super::*;

mod workflow;

async fn ask(views: &MemoryViews, store: &Memory, route: &str, id: &str) -> Value {
    let operator = json!({ "sub": "ops", "scope": "operator" });
    ask_as(views, store, &operator, route, id, json!({}), json!({})).await
}

async fn ask_as(
    views: &MemoryViews,
    store: &Memory,
    claims: &Value,
    route: &str,
    id: &str,
    query: Value,
    headers: Value,
) -> Value {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let handler = QueryOrder::new(store.clone(), views.clone(), clock.clone());
    let request = request(claims, route, id, &query, &headers);
    let mut answer = handler.handle(request).await.expect("JSON");
    let body = answer["body"].as_str().expect("text").to_owned();
    if !body.is_empty() {
        answer["body"] = serde_json::from_str(&body).expect("JSON");
    }
    answer["waitedMs"] = json!(clock.now().as_millis());
    answer
}

fn request(claims: &Value, route: &str, id: &str, query: &Value, headers: &Value) -> Value {
    json!({
        "routeKey": route, "pathParameters": { "id": id }, "queryStringParameters": query, "headers": headers,
        "requestContext": { "authorizer": { "jwt": { "claims": claims } } },
    })
}

/// The order of a customer in the store, and nothing in any view.
async fn place(store: &Memory) {
    let placed: domain::events::OrderPlaced = serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1", "payment": { "method": "m" },
        "items": [{ "productId": "p", "quantity": 1, "unitPrice": { "amount": 1, "currency": "EUR" } }],
        "total": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
    }))
    .expect("an order");
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let orders = Decider::<domain::Order, _, _>::new(store.clone(), clock);
    let cause = envelope::Cause::command(&envelope::CommandId::new("place").expect("valid"));
    let place = domain::order::Command::Place(placed);
    orders
        .execute("ord-1", &cause, &place)
        .await
        .expect("placed");
}

/// What the store holds, to the views.
async fn project_all(views: &MemoryViews, store: &Memory) {
    for commit in store.log_from(0) {
        for event in commit.envelopes() {
            deliver(views, &event).await;
        }
    }
}

fn event(event_type: &str, aggregate_type: &str, data: &Value) -> Envelope {
    serde_json::from_value(json!({
        "eventId": event_type, "eventType": event_type, "schemaVersion": 1, "timestamp": "2026-01-01T00:00:00Z",
        "aggregateType": aggregate_type, "aggregateId": "ord-1", "version": 1, "data": data,
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

async fn project<P: Projection>(views: &MemoryViews, event: &Envelope) {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let projector = Projector::<P, _, _, _>::new(Memory::default(), views.clone(), clock);
    let mut answers = projector.react(std::slice::from_ref(event)).await;
    answers.remove(0).expect("folded");
}

async fn deliver(views: &MemoryViews, event: &Envelope) {
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
    place(&store).await;
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

const ROUTES: [&str; 3] = [
    "GET /orders/{id}",
    "GET /orders/{id}/status",
    "GET /orders/{id}/workflow",
];

/// Before anything is projected and after, an order of somebody else looks like none.
#[tokio::test]
async fn a_foreign_order_and_none_are_answered_alike() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    for _ in 0..2 {
        for route in ROUTES {
            let ask = async |who: &str, id: &str| {
                let claims = json!({ "sub": who });
                ask_as(&views, &store, &claims, route, id, json!({}), json!({})).await
            };
            let after = async |id: &str| {
                let token = http_api::Token::of::<domain::Order>(id, 1).to_string();
                let claims = json!({ "sub": "cust-2" });
                let query = json!({ "after": token, "wait": "5s" });
                ask_as(&views, &store, &claims, route, id, query, json!({})).await
            };
            assert_eq!(
                after("ord-1").await,
                after("nobody").await,
                "not even by its time"
            );
            let (own, foreign) = (ask("cust-1", "ord-1").await, ask("cust-2", "ord-1").await);
            assert_ne!(own["statusCode"], 404, "{route}");
            assert_eq!(foreign, ask("cust-2", "nobody").await, "{route}");
            assert_eq!(foreign["statusCode"], 404);
            let nobody = ask("", "ord-1").await;
            assert_eq!(nobody["statusCode"], 401);
        }
        project_all(&views, &store).await;
    }
}

#[tokio::test]
async fn the_stages_of_an_order_are_told_one_by_one() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    let stage = async || {
        let answer = ask(&views, &store, "GET /orders/{id}/status", "ord-1").await;
        let moves = answer["headers"].get("retry-after").is_some();
        (
            answer["body"]["stage"].clone(),
            answer["body"]["step"].clone(),
            moves,
        )
    };
    assert_eq!(stage().await, (json!("stored"), Value::Null, true));
    let placed = store.log_from(0)[0].envelopes().remove(0);
    project::<Workflow>(&views, &placed).await;
    let (name, step, _) = stage().await;
    assert_eq!(
        (name, step["number"].as_u64()),
        (json!("published"), Some(1))
    );
    project::<Order>(&views, &placed).await;
    let first = json!({ "number": 1, "of": 3, "name": "reserve-inventory", "state": "in-flight" });
    assert_eq!(stage().await, (json!("workflow"), first, true));

    let failed = json!({ "orderId": "ord-1", "customerId": "cust-1", "reason": "none left" });
    deliver(
        &views,
        &event("InventoryReserveFailed", "Reservation", &failed),
    )
    .await;
    let mut ended = event("OrderFailed", "Order", &failed);
    ended.version = Version::new(2);
    project::<Workflow>(&views, &ended).await;
    let (name, _, moves) = stage().await;
    assert_eq!(
        (name, moves),
        (json!("projected"), true),
        "the order does not say so yet"
    );
    project::<Order>(&views, &ended).await;
    assert_eq!(stage().await, (json!("failed"), Value::Null, false));
    let answer = ask(&views, &store, "GET /orders/{id}/status", "ord-1").await;
    assert_eq!(answer["body"]["reason"], "none left");
}

#[tokio::test]
async fn a_status_waits_for_news_and_no_longer_than_it_is_told() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    project_all(&views, &store).await;
    let ask = async |wait: &str, headers: Value| {
        let operator = json!({ "sub": "ops", "scope": "operator" });
        let query = json!({ "wait": wait });
        ask_as(
            &views, &store, &operator, ROUTES[1], "ord-1", query, headers,
        )
        .await
    };
    let first = ask("0s", json!({})).await;
    assert_eq!(first["waitedMs"], 0);
    let known = json!({ "if-none-match": first["headers"]["etag"] });
    let (unchanged, waited) = (ask("3s", known.clone()).await, ask("3s", json!({})).await);
    assert_eq!(
        (&unchanged["statusCode"], &unchanged["waitedMs"]),
        (&json!(304), &json!(3_000))
    );
    assert_eq!(
        (&waited["body"], &waited["waitedMs"]),
        (&first["body"], &json!(3_000))
    );
    let shipped = json!({ "orderId": "ord-1", "customerId": "cust-1", "trackingNumber": "T-1" });
    deliver(&views, &event("OrderShipped", "Shipment", &shipped)).await;
    for headers in [known, json!({})] {
        let news = ask("3s", headers).await;
        assert_eq!(
            (&news["statusCode"], &news["waitedMs"]),
            (&json!(200), &json!(0))
        );
        assert_eq!(news["body"]["stage"], "done");
    }
    assert_eq!(ask("1h", json!({})).await["statusCode"], 400);
}

#[tokio::test]
async fn a_query_after_a_write_shows_it_or_says_that_it_does_not_yet() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    let after = async |route: &str, id: &str, version| {
        let token = http_api::Token::of::<domain::Order>(id, version).to_string();
        let operator = json!({ "sub": "ops", "scope": "operator" });
        let query = json!({ "after": token });
        let answer = ask_as(&views, &store, &operator, route, "ord-1", query, json!({})).await;
        answer["statusCode"].as_u64().expect("a status")
    };
    assert_eq!(after(ROUTES[0], "ord-1", 1).await, 202, "not projected");
    project_all(&views, &store).await;
    for route in [ROUTES[0], ROUTES[2]] {
        assert_eq!(after(route, "ord-1", 1).await, 200);
        assert_eq!(after(route, "ord-1", 2).await, 202);
        assert_eq!(after(route, "ord-2", 1).await, 400, "of another order");
    }
}

/// A tag that the query gives out is one that a command takes.
#[tokio::test]
async fn the_tag_of_an_order_begins_with_its_version() {
    let (views, store) = (MemoryViews::default(), Memory::default());
    place(&store).await;
    project_all(&views, &store).await;
    let answer = ask(&views, &store, ROUTES[0], "ord-1").await;
    let tag = answer["headers"]["etag"].as_str().expect("a tag");
    assert!(tag.starts_with("\"1."), "{tag}");
}
