//! Requests and their answers over the in-memory store.

use envelope::Timestamp;
use event_store::Memory;
use ports::{Consistency, ManualClock, SeededIds};

use super::*;

type Handler = RestockProduct<Memory, ManualClock, SeededIds>;

fn world() -> Handler {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    RestockProduct::new(Memory::default(), clock, SeededIds::default())
}

async fn deliver(
    handler: &Handler,
    scope: &str,
    key: Option<&str>,
    id: &str,
    body: &Value,
) -> (u64, Value) {
    let claims = json!({ "sub": "someone", "scope": scope });
    deliver_as(handler, &claims, key, id, body).await
}

async fn deliver_as(
    handler: &Handler,
    claims: &Value,
    key: Option<&str>,
    id: &str,
    body: &Value,
) -> (u64, Value) {
    let headers = key.map_or(json!({}), |key| json!({ "Idempotency-Key": key }));
    let request = json!({
        "routeKey": "POST /stock/{id}/deliveries", "pathParameters": { "id": id }, "headers": headers,
        "body": body.to_string(),
        "requestContext": { "authorizer": { "jwt": { "claims": claims } } },
    });
    let answer = handler.handle(request).await.expect("JSON");
    let body = answer["body"].as_str().expect("a body");
    let status = answer["statusCode"].as_u64().expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

async fn available(handler: &Handler) -> u64 {
    let loaded = handler.stock.load("p-1", Consistency::Strong).await;
    loaded.expect("foldable").state.available
}

#[tokio::test]
async fn a_delivery_counts_once_and_another_under_its_key_is_refused() {
    let (handler, five) = (world(), json!({ "quantity": 5 }));
    let first = deliver(&handler, "operator", Some("note-1"), "p-1", &five).await;
    assert_eq!(first.0, 202, "{}", first.1);
    let second = deliver(&handler, "operator", Some("note-2"), "p-1", &five).await;
    assert_eq!(second.1["version"], 2);
    let again = deliver(&handler, "operator", Some("note-1"), "p-1", &five).await;
    assert_eq!(again, first);
    assert_eq!(available(&handler).await, 10);
    let six = json!({ "quantity": 6 });
    let other = deliver(&handler, "operator", Some("note-1"), "p-1", &six).await;
    assert_eq!(other.0, 422, "{}", other.1);
    let another = deliver(&handler, "operator", Some("note-1"), "p-2", &five).await;
    assert_eq!(another.0, 202, "a note may list several products");
    let colleague = json!({ "sub": "another", "scope": "operator" });
    let again = deliver_as(&handler, &colleague, Some("note-1"), "p-1", &five).await;
    assert_eq!(again, first, "whoever books it");
    assert_eq!(available(&handler).await, 10);
}

#[tokio::test]
async fn a_wrong_delivery_is_told_what_would_be_right() {
    let (handler, five) = (world(), json!({ "quantity": 5 }));
    let wrong = [
        ("operator", None, "p-1", &five, 400),
        ("", Some("k"), "p-1", &five, 403),
        ("operator", Some("k"), "a b", &five, 422),
        (
            "operator",
            Some("k"),
            "p-1",
            &json!({ "quantity": -5 }),
            422,
        ),
        ("operator", Some("k"), "p-1", &json!({}), 422),
        ("operator", Some("k"), "p-1", &json!([]), 400),
    ];
    for (scope, key, id, body, status) in wrong {
        let answer = deliver(&handler, scope, key, id, body).await;
        assert_eq!(answer.0, status, "{}", answer.1);
    }
    assert_eq!(available(&handler).await, 0);
}
