//! Requests and their answers over the in-memory store.

use domain::customer;
use domain::events::UserRegistered;
use envelope::{Cause, CommandId, Timestamp};
use event_store::Memory;
use ports::{ManualClock, SeededIds};

use super::*;

async fn world() -> (PlaceOrder<Memory, ManualClock, SeededIds>, Memory) {
    let store = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let customers = Decider::<Customer, _, _>::new(store.clone(), clock.clone());
    for (id, active) in [("cust-1", true), ("cust-2", false)] {
        let registered: UserRegistered = serde_json::from_value(json!({
            "customerId": id, "name": "Ada", "email": "ada@example.com", "phone": "+441234567", "active": active,
        }))
        .expect("a registration");
        let cause = Cause::command(&CommandId::new(id).expect("valid"));
        customers
            .execute(id, &cause, &customer::Command::Register(registered))
            .await
            .expect("new");
    }
    let (ids, usual) = (SeededIds::default(), Workflow::Orchestration);
    (PlaceOrder::new(store.clone(), clock, ids, usual), store)
}

fn body() -> Value {
    json!({
        "customerId": "cust-1",
        "items": [{ "productId": "prod-1", "quantity": 3, "unitPrice": { "amount": 50, "currency": "EUR" } }],
        "shippingAddress": { "line1": "1 High Street" },
        "payment": { "method": "sandbox-approve" },
    })
}

type Handler = PlaceOrder<Memory, ManualClock, SeededIds>;

async fn post(handler: &Handler, body: &Value) -> (u64, Value) {
    post_as(
        handler,
        &json!({ "sub": "ops", "scope": "operator" }),
        &json!({}),
        body,
    )
    .await
}

async fn post_as(handler: &Handler, claims: &Value, headers: &Value, body: &Value) -> (u64, Value) {
    let request = json!({
        "routeKey": "POST /orders", "body": body.to_string(), "isBase64Encoded": false, "headers": headers,
        "requestContext": { "authorizer": { "jwt": { "claims": claims } } },
    });
    let answer = handler.handle(request).await.expect("JSON");
    let body = answer["body"].as_str().expect("a body");
    (
        answer["statusCode"].as_u64().expect("a status"),
        serde_json::from_str(body).expect("JSON"),
    )
}

#[tokio::test]
async fn an_order_is_accepted_with_its_id_status_and_links_and_the_total_is_reckoned() {
    let (handler, store) = world().await;
    let (status, answer) = post(&handler, &body()).await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["orderId"].as_str().expect("an id");
    assert_eq!(answer["status"], "PLACED");
    assert_eq!(
        answer["_links"]["status"]["href"],
        format!("/orders/{id}/status")
    );
    let placed = &store.log_from(2)[0].envelopes()[0];
    assert_eq!(
        placed.data["total"],
        json!({ "amount": 150, "currency": "EUR" })
    );
    assert!(
        placed.metadata.causation_id.is_some(),
        "the command is the cause"
    );
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_why_and_stores_nothing() {
    let (handler, store) = world().await;
    type Change = fn(&mut Value);
    let cases: [(Change, u64, &str); 7] = [
        (|b| *b = json!([]), 400, "map"),
        (|b| b["items"] = json!([]), 422, "/items"),
        (|b| b["items"][0]["quantity"] = json!(0), 422, "quantity"),
        (
            |b| b["total"] = json!({ "amount": 1, "currency": "EUR" }),
            422,
            "add up",
        ),
        (|b| b["shippingAddress"] = json!({}), 422, "shippingAddress"),
        (|b| b["customerId"] = json!("nobody"), 422, "not registered"),
        (|b| b["customerId"] = json!("cust-2"), 422, "not active"),
    ];
    for (change, expected_status, expected) in cases {
        let mut body = body();
        change(&mut body);
        let (status, problem) = post(&handler, &body).await;
        let detail = problem["detail"].as_str().expect("a detail");
        assert_eq!(status, expected_status, "{expected}: {problem}");
        assert!(detail.contains(expected), "{expected}: {detail}");
    }
    assert_eq!(store.log_from(0).len(), 2, "the customers alone");
}

#[tokio::test]
async fn every_broken_rule_is_listed() {
    let (handler, _) = world().await;
    let mut wrong = body();
    wrong["items"] = json!([{ "productId": "a b", "quantity": 0, "unitPrice": { "amount": 50, "currency": "euro" } }]);
    wrong["payment"] = json!({});
    let (_, problem) = post(&handler, &wrong).await;
    let errors = problem["errors"].as_array().expect("a list").iter();
    let mut pointers: Vec<_> = errors.map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    let item = [
        "/items/0/productId",
        "/items/0/quantity",
        "/items/0/unitPrice/currency",
    ];
    let expected = [item[0], item[1], item[2], "/payment"].map(Some);
    assert_eq!(pointers, expected);

    let mut wrong = body();
    wrong["customerId"] = json!("cust-2");
    wrong["items"][0]["unitPrice"]["amount"] = json!(0);
    wrong["total"] = json!({ "amount": 7, "currency": "EUR" });
    let (_, problem) = post(&handler, &wrong).await;
    let errors = problem["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 3, "{problem}");

    // Of both kinds at once.
    wrong["items"][0]["quantity"] = json!(0);
    let (_, problem) = post(&handler, &wrong).await;
    let errors = problem["errors"].as_array().expect("a list").iter();
    let pointers: Vec<_> = errors.map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/customerId", "/items/0/quantity"].map(Some));

    let mut wrong = body();
    let dear = json!({ "productId": "p", "quantity": 1_000_000, "unitPrice": { "amount": 1_000_000_000_000_i64, "currency": "EUR" } });
    wrong["items"] = json!([dear]);
    let (status, problem) = post(&handler, &wrong).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/total/amount"))
    );
    wrong["items"] = json!([body()["items"][0], { "productId": "p", "quantity": 1, "unitPrice": { "amount": 1, "currency": "USD" } }]);
    let (status, problem) = post(&handler, &wrong).await;
    assert_eq!(status, 422);
    assert!(
        problem["detail"]
            .as_str()
            .expect("a text")
            .contains("add up"),
        "{problem}"
    );
}

/// Neither may one take another's id, nor find out by it whether there is such an order.
#[tokio::test]
async fn what_an_order_is_called_is_not_said_by_customers() {
    let (handler, store) = world().await;
    let mut named = body();
    named["orderId"] = json!("basket-1");
    let (_, taken) = post(&handler, &named).await;
    assert_eq!(taken["orderId"], "basket-1");
    let ada = json!({ "sub": "cust-1" });
    let mut answers = Vec::new();
    for id in ["basket-1", "basket-2"] {
        named["orderId"] = json!(id);
        answers.push(post_as(&handler, &ada, &json!({}), &named).await);
    }
    assert_eq!((answers[0].0, &answers[0]), (422, &answers[1]));
    assert_eq!(store.log_from(2).len(), 1);
}

#[tokio::test]
async fn customers_order_for_themselves_and_to_where_they_live() {
    let (handler, store) = world().await;
    let mut bare = body();
    for given in ["customerId", "shippingAddress"] {
        bare.as_object_mut().expect("an object").remove(given);
    }
    let ada = json!({ "sub": "cust-1" });
    let (status, problem) = post_as(&handler, &ada, &json!({}), &bare).await;
    assert_eq!(status, 422);
    assert!(
        problem["detail"]
            .as_str()
            .expect("a text")
            .contains("shippingAddress")
    );
    let address = json!({ "customerId": "cust-1", "address": { "line1": "7 Sample Street" } });
    let changed = serde_json::from_value(address).expect("a change");
    let cause = Cause::command(&CommandId::new("move").expect("valid"));
    let moved = customer::Command::ChangeAddress(changed);
    let moved = handler.customers.execute("cust-1", &cause, &moved).await;
    moved.expect("registered");
    let (status, answer) = post_as(&handler, &ada, &json!({}), &bare).await;
    assert_eq!(status, 202, "{answer}");
    let placed = &store.log_from(3)[0].envelopes()[0];
    assert_eq!(placed.data["shippingAddress"]["line1"], "7 Sample Street");
    assert_eq!(placed.data["customerId"], "cust-1");
    assert_eq!(placed.metadata.extra["actor"], "cust-1");

    // Elsewhere by now, as another process has stored.
    let elsewhere =
        Decider::<Customer, _, _>::new(store.clone(), ManualClock::at(Timestamp::from_millis(0)));
    let address = json!({ "customerId": "cust-1", "address": { "line1": "8 Sample Street" } });
    let changed = serde_json::from_value(address).expect("a change");
    let cause = Cause::command(&CommandId::new("move again").expect("valid"));
    let moved = customer::Command::ChangeAddress(changed);
    elsewhere
        .execute("cust-1", &cause, &moved)
        .await
        .expect("registered");
    assert_eq!(post_as(&handler, &ada, &json!({}), &bare).await.0, 202);
    let placed = &store.log_from(5)[0].envelopes()[0];
    assert_eq!(placed.data["shippingAddress"]["line1"], "8 Sample Street");

    let foreign = json!({ "sub": "cust-9" });
    assert_eq!(
        post_as(&handler, &foreign, &json!({}), &body()).await.0,
        403
    );
    assert_eq!(
        post_as(&handler, &json!({}), &json!({}), &body()).await.0,
        401
    );
    assert_eq!(store.log_from(3).len(), 3);
}

#[tokio::test]
async fn a_key_makes_it_one_order_whoever_is_cut_off_in_between() {
    let (handler, store) = world().await;
    let (ada, key) = (
        json!({ "sub": "cust-1" }),
        json!({ "idempotency-key": "basket-1" }),
    );
    let first = post_as(&handler, &ada, &key, &body()).await;
    assert_eq!(first.0, 202);
    assert_eq!(post_as(&handler, &ada, &key, &body()).await, first);
    let mut other = body();
    other["items"][0]["quantity"] = json!(4);
    assert_eq!(post_as(&handler, &ada, &key, &other).await.0, 422);
    assert_eq!(store.log_from(2).len(), 1, "placed once");
    let new = post_as(&handler, &ada, &json!({}), &body()).await;
    assert_ne!(new.1["orderId"], first.1["orderId"]);
}

#[tokio::test]
async fn the_same_order_again_is_answered_again_and_another_one_finds_the_id_taken() {
    let (handler, store) = world().await;
    let mut body = body();
    body["orderId"] = json!("ord-1");
    let first = post(&handler, &body).await;
    assert_eq!(first.0, 202);
    assert_eq!(post(&handler, &body).await, first);
    assert_eq!(store.log_from(2).len(), 1, "placed once");
    body["items"][0]["quantity"] = json!(4);
    assert_eq!(post(&handler, &body).await.0, 409);
}
