//! Requests and their answers over the in-memory store.

use domain::customer;
use domain::events::UserRegistered;
use envelope::Timestamp;
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
    (
        PlaceOrder::new(store.clone(), clock, SeededIds::default()),
        store,
    )
}

fn body() -> Value {
    json!({
        "customerId": "cust-1",
        "items": [{ "productId": "prod-1", "quantity": 3, "unitPrice": { "amount": 50, "currency": "EUR" } }],
        "shippingAddress": { "line1": "1 High Street" },
        "payment": { "method": "sandbox-approve" },
    })
}

async fn post(handler: &PlaceOrder<Memory, ManualClock, SeededIds>, body: &Value) -> (u64, Value) {
    let request =
        json!({ "routeKey": "POST /orders", "body": body.to_string(), "isBase64Encoded": false });
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
        (|b| *b = json!([]), 400, "struct"),
        (|b| b["items"] = json!([]), 422, "total"),
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
