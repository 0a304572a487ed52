//! The right person is told the right thing, and nobody is told anything when something is missing.

use domain::customer;
use domain::events::UserRegistered;
use envelope::{CommandId, Timestamp};
use event_store::Memory;
use partners::SentNotices;
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Handler = TextCustomer<Memory, SentNotices, ManualClock>;

fn handler(store: &Memory, sent: &SentNotices) -> Handler {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    TextCustomer::new(store.clone(), sent.clone(), clock)
}

async fn register(handler: &Handler, id: &str, email: &str, phone: &str) {
    let registered: UserRegistered = serde_json::from_value(
        json!({ "customerId": id, "name": "Ada", "email": email, "phone": phone }),
    )
    .expect("a registration");
    let cause = Cause::command(&CommandId::new(format!("in-{id}")).expect("valid"));
    let command = customer::Command::Register(registered);
    let result = handler.customers.execute(id, &cause, &command).await;
    result.expect("new");
}

fn event(event_type: &str, told: &Value) -> Envelope {
    let mut data = json!({ "orderId": "ord-1", "customerId": "cust-1" });
    for (name, value) in told.as_object().expect("an object") {
        data[name] = value.clone();
    }
    serde_json::from_value(json!({
        "eventId": format!("evt-{event_type}"), "eventType": event_type, "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Order", "aggregateId": "ord-1", "version": 1,
        "data": data, "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

fn placed() -> Envelope {
    let item =
        json!({ "productId": "a", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } });
    let order = json!({
        "items": [item], "total": { "amount": 5, "currency": "EUR" },
        "shippingAddress": { "line1": "x" }, "payment": { "method": "sandbox-approve" },
    });
    event("OrderPlaced", &order)
}

fn shipped() -> Envelope {
    event("OrderShipped", &json!({ "trackingNumber": "T-1" }))
}

fn failed() -> Envelope {
    event("OrderFailed", &json!({ "reason": "payment declined" }))
}

fn cancelled() -> Envelope {
    event("OrderCancelled", &json!({ "reason": "not wanted" }))
}

async fn react(handler: &Handler, event: &Envelope) -> Result<Done, Failure> {
    let cause = Cause::reaction(event, Handler::NAME).expect("short");
    handler.react(event, &cause, 1).await
}

#[tokio::test]
async fn each_event_is_told_in_its_own_words_to_the_customer_whose_order_it_is() {
    let sent = SentNotices::default();
    let handler = handler(&Memory::default(), &sent);
    register(&handler, "cust-1", "ada@example.com", "+441234567").await;
    register(&handler, "cust-2", "bob@example.com", "+447654321").await;
    for event in [placed(), shipped(), failed(), cancelled()] {
        assert_eq!(react(&handler, &event).await.expect("sent"), Done::Handled);
    }
    let told = sent.texts();
    assert_eq!(told.len(), 4);
    for (sms, expected) in
        told.iter()
            .zip(["prepared", "T-1", "could not be completed", "was cancelled"])
    {
        assert_eq!(sms.to, "+441234567");
        assert!(sms.body.contains("ord-1"), "{}", sms.body);
        assert!(sms.body.contains(expected), "{}", sms.body);
    }
    assert!(sent.emails().is_empty());
}

#[tokio::test]
async fn an_event_that_comes_twice_is_told_in_the_same_words() {
    let sent = SentNotices::default();
    let handler = handler(&Memory::default(), &sent);
    register(&handler, "cust-1", "ada@example.com", "+441234567").await;
    for _ in 0..2 {
        react(&handler, &shipped()).await.expect("sent");
    }
    let told = sent.texts();
    assert_eq!(told.len(), 2, "a message too many, not one too few");
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_customer_who_is_not_known_yet_is_tried_again_and_told_once_registered() {
    let sent = SentNotices::default();
    let handler = handler(&Memory::default(), &sent);
    let early = react(&handler, &placed()).await;
    assert!(matches!(early, Err(Failure::Transient(_))), "{early:?}");
    assert!(sent.texts().is_empty());
    register(&handler, "cust-1", "ada@example.com", "+441234567").await;
    react(&handler, &placed()).await.expect("known by now");
    assert_eq!(sent.texts().len(), 1);
}

#[tokio::test]
async fn an_event_that_nobody_is_told_about_is_terminal() {
    let sent = SentNotices::default();
    let handler = handler(&Memory::default(), &sent);
    register(&handler, "cust-1", "ada@example.com", "+441234567").await;
    let unknown = event("OrderFulfilled", &json!({ "trackingNumber": "T-1" }));
    for event in [unknown, event("OrderShipped", &json!({}))] {
        let result = react(&handler, &event).await;
        assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    }
    assert!(sent.texts().is_empty());
}
