//! Requests and their answers over the in-memory store.

use envelope::Timestamp;
use event_store::Memory;
use ports::{ManualClock, SeededIds};

use super::*;

type Handler = UpdateCustomer<Memory, ManualClock, SeededIds>;

fn world() -> (Handler, Memory) {
    let store = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler = UpdateCustomer::new(store.clone(), clock, SeededIds::default());
    (handler, store)
}

async fn send(handler: &Handler, route: &str, who: &str, id: &str, body: &Value) -> (u64, Value) {
    let scope = if who == "ops" { "operator" } else { "" };
    let request = json!({
        "routeKey": route, "pathParameters": { "id": id }, "body": body.to_string(),
        "requestContext": { "authorizer": { "jwt": { "claims": { "sub": who, "scope": scope } } } },
    });
    let answer = handler.handle(request).await.expect("JSON");
    let body = answer["body"].as_str().expect("a body");
    let status = answer["statusCode"].as_u64().expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

async fn register(handler: &Handler, who: &str, body: &Value) -> (u64, Value) {
    send(handler, "POST /customers", who, "", body).await
}

async fn change(handler: &Handler, who: &str, id: &str, address: &Value) -> (u64, Value) {
    send(handler, "PUT /customers/{id}/address", who, id, address).await
}

fn ada() -> Value {
    json!({ "name": "Ada", "email": "ada@example.com", "phone": "+441234567" })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

#[tokio::test]
async fn customers_register_themselves_and_operators_register_anyone() {
    let (handler, store) = world();
    let first = register(&handler, "cust-1", &with(ada(), "active", false)).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(first.1["customerId"], "cust-1");
    let stored = &store.log_from(0)[0].envelopes()[0];
    assert_eq!(stored.data["active"], true, "only operators block");
    let again = register(&handler, "cust-1", &ada()).await;
    assert_eq!(again, first, "the same again is answered again");
    let other = with(ada(), "name", "Eve");
    assert_eq!(register(&handler, "cust-1", &other).await.0, 409);
    let foreign = with(ada(), "customerId", "cust-2");
    assert_eq!(register(&handler, "cust-1", &foreign).await.0, 403);
    let blocked = with(foreign, "active", false);
    assert_eq!(register(&handler, "ops", &blocked).await.0, 201);
    let anyone = register(&handler, "ops", &ada()).await;
    assert_eq!(anyone.0, 201);
    assert_ne!(anyone.1["customerId"], "ops", "an operator is no customer");
    assert_eq!(store.log_from(0).len(), 3);
}

#[tokio::test]
async fn every_broken_rule_is_listed() {
    let (handler, store) = world();
    let wrong = json!({ "name": "", "email": "ada", "phone": "12" });
    let (status, problem) = register(&handler, "cust-1", &wrong).await;
    assert_eq!(status, 422);
    let errors = problem["errors"].as_array().expect("a list").iter();
    let mut pointers: Vec<_> = errors.map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email", "/name", "/phone"].map(Some));
    assert_eq!(register(&handler, "cust-1", &json!([])).await.0, 400);
    assert_eq!(store.log_from(0).len(), 0);
}

#[tokio::test]
async fn an_address_changes_once_and_only_ones_own() {
    let (handler, store) = world();
    let dublin = json!({ "line1": "7 Sample Street", "city": "Dublin" });
    assert_eq!(change(&handler, "cust-1", "cust-1", &dublin).await.0, 404);
    register(&handler, "cust-1", &ada()).await;
    let (status, answer) = change(&handler, "cust-1", "cust-1", &dublin).await;
    assert_eq!((status, &answer["version"]), (200, &json!(2)));
    assert_eq!(change(&handler, "ops", "cust-1", &dublin).await.1, answer);
    assert_eq!(store.log_from(0).len(), 2, "nothing changed");
    for (who, id) in [
        ("cust-2", "cust-1"),
        ("cust-1", "nobody"),
        ("cust-1", "a#b"),
    ] {
        let foreign = change(&handler, who, id, &dublin).await;
        let same = change(&handler, "cust-2", "nobody at all", &dublin).await;
        assert_eq!((foreign.0, foreign), (403, same), "{id}");
    }
    assert_eq!(change(&handler, "ops", "a#b", &dublin).await.0, 404);
    assert_eq!(
        change(&handler, "cust-1", "cust-1", &json!({})).await.0,
        422
    );
    assert_eq!(
        change(&handler, "cust-1", "cust-1", &json!("x")).await.0,
        422
    );
}
