//! One charge, whatever is repeated, and an answer for every kind of card.

mod cancelling;

use envelope::Timestamp;
use event_store::{Commit, Memory};
use partners::SandboxPayments;
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_700_000_000_000))
}

fn due(method: &str) -> Envelope {
    serde_json::from_value(json!({
        "eventId": "evt-1", "eventType": "InventoryReserved", "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Reservation", "aggregateId": "ord-1", "version": 1,
        "data": { "orderId": "ord-1", "customerId": "cust-1", "items": [], "total": { "amount": 5, "currency": "EUR" },
                  "payment": { "method": method }, "shippingAddress": { "line1": "x" } },
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

async fn react(store: &Memory, method: &str, attempt: u32) -> Result<Done, Failure> {
    let event = due(method);
    let cause = Cause::reaction(&event, "charge-payment").expect("short");
    // Each delivery meets a new process.
    let handler = ChargePayment::new(store.clone(), SandboxPayments::new(clock()), clock());
    handler.react(&event, &cause, attempt).await
}

fn stored(store: &Memory) -> Vec<(String, Value)> {
    let events = store
        .log_from(0)
        .iter()
        .flat_map(Commit::envelopes)
        .collect::<Vec<_>>();
    events
        .into_iter()
        .map(|event| (event.event_type, event.data))
        .collect()
}

#[tokio::test]
async fn a_charge_is_recorded_once_with_what_shipping_needs() {
    let store = Memory::default();
    assert_eq!(
        react(&store, "sandbox-approve", 1).await.expect("charged"),
        Done::Handled
    );
    assert_eq!(
        react(&store, "sandbox-approve", 2).await.expect("known"),
        Done::Duplicate
    );
    let events = stored(&store);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, "PaymentCompleted");
    assert_eq!(events[0].1["shippingAddress"], json!({ "line1": "x" }));
    assert_eq!(events[0].1["providerReference"], "sandbox-charge-ord-1");
}

#[tokio::test]
async fn a_decline_is_an_answer_and_not_a_failure() {
    let store = Memory::default();
    assert_eq!(
        react(&store, "sandbox-decline", 1).await.expect("answered"),
        Done::Handled
    );
    assert_eq!(stored(&store)[0].0, "PaymentFailed");
}

#[tokio::test]
async fn a_provider_without_an_answer_is_asked_again_and_nothing_is_stored_meanwhile() {
    let store = Memory::default();
    for attempt in 1..=2 {
        let result = react(&store, "sandbox-fail-2", attempt).await;
        assert!(matches!(result, Err(Failure::Transient(_))));
        assert!(stored(&store).is_empty());
    }
    react(&store, "sandbox-fail-2", 3)
        .await
        .expect("charged at last");
    assert_eq!(stored(&store)[0].0, "PaymentCompleted");
}
