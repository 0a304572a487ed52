//! Requests and their answers over the in-memory store.

use domain::events::OrderPlaced;
use envelope::{Cause, Timestamp};
use event_store::Memory;
use ports::{ManualClock, SeededIds};
use serde_json::json;

use super::*;

type Handler = CancelOrder<Memory, ManualClock, SeededIds>;

async fn world() -> (Handler, Memory) {
    let store = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler = CancelOrder::new(store.clone(), clock, SeededIds::default());
    let placed: OrderPlaced = serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1", "payment": { "method": "m" },
        "items": [{ "productId": "p", "quantity": 1, "unitPrice": { "amount": 1, "currency": "EUR" } }],
        "total": { "amount": 1, "currency": "EUR" }, "shippingAddress": { "line1": "x" },
    }))
    .expect("an order");
    tell(&handler, "place", &order::Command::Place(placed)).await;
    (handler, store)
}

async fn tell(handler: &Handler, cause: &str, command: &order::Command) {
    let cause = Cause::command(&CommandId::new(cause).expect("valid"));
    let executed = handler.orders.execute("ord-1", &cause, command).await;
    executed.expect("carried out");
}

async fn cancel(
    handler: &Handler,
    who: &str,
    id: &str,
    headers: Value,
    body: Value,
) -> (u64, Value) {
    let request = json!({
        "routeKey": "POST /orders/{id}/cancellation", "pathParameters": { "id": id }, "headers": headers,
        "body": body.to_string(),
        "requestContext": { "authorizer": { "jwt": { "claims": { "sub": who } } } },
    });
    let answer = handler.handle(request).await.expect("JSON");
    let status = answer["statusCode"].as_u64().expect("a status");
    let body = answer["body"].as_str().expect("a body");
    (status, serde_json::from_str(body).expect("JSON"))
}

#[tokio::test]
async fn an_order_is_cancelled_once_however_often_it_is_asked() {
    let (handler, store) = world().await;
    let why = json!({ "reason": "ordered twice" });
    let first = cancel(&handler, "cust-1", "ord-1", json!({}), why.clone()).await;
    assert_eq!((first.0, &first.1["version"]), (202, &json!(2)));
    assert_eq!(
        cancel(&handler, "cust-1", "ord-1", json!({}), json!({})).await,
        first
    );
    assert_eq!(store.log_from(1).len(), 1);
    let event = &store.log_from(1)[0].envelopes()[0];
    assert_eq!(
        (event.event_type.as_str(), &event.data["reason"]),
        ("OrderCancelled", &why["reason"])
    );
    assert_eq!(event.metadata.extra["actor"], "cust-1");
}

#[tokio::test]
async fn too_late_is_a_conflict_and_an_old_version_a_failed_precondition() {
    let (handler, store) = world().await;
    let fulfil = order::Command::Fulfil {
        tracking_number: "T-1".to_owned(),
    };
    tell(&handler, "fulfil", &fulfil).await;
    let seen = json!({ "If-Match": "\"1.00ff\"" });
    assert_eq!(
        cancel(&handler, "cust-1", "ord-1", seen, json!({})).await.0,
        412
    );
    let (status, problem) = cancel(&handler, "cust-1", "ord-1", json!({}), json!({})).await;
    assert_eq!(status, 409);
    assert!(
        problem["detail"]
            .as_str()
            .expect("a text")
            .contains("on its way")
    );
    assert_eq!(store.log_from(2).len(), 0);
}

#[tokio::test]
async fn a_foreign_order_looks_like_none() {
    let (handler, store) = world().await;
    let foreign = cancel(&handler, "cust-2", "ord-1", json!({}), json!({})).await;
    for none in ["nobody", "a#b", ""] {
        assert_eq!(
            cancel(&handler, "cust-2", none, json!({}), json!({})).await,
            foreign
        );
    }
    assert_eq!((foreign.0, store.log_from(1).len()), (404, 0));
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let (handler, store) = world().await;
    let key = json!({ "Idempotency-Key": "k", "If-Match": "\"1\"" });
    let ask = async |body: Value| cancel(&handler, "cust-1", "ord-1", key.clone(), body).await;
    let first = ask(json!({ "reason": "a" })).await;
    assert_eq!(first.0, 202);
    assert_eq!(ask(json!({ "reason": "a" })).await, first);
    assert_eq!(ask(json!({ "reason": "b" })).await.0, 422);
    assert_eq!(ask(json!({ "reason": 7 })).await.0, 400);
    let long = json!({ "reason": "x".repeat(501) });
    let (fresh, _) = world().await;
    assert_eq!(
        cancel(&fresh, "cust-1", "ord-1", json!({}), long).await.0,
        422
    );
    assert_eq!(store.log_from(1).len(), 1);
}
