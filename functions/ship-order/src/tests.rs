//! One parcel, whatever is repeated, and a record of every answer of the carrier.

mod cancelling;

use envelope::Timestamp;
use event_store::{Commit, Memory};
use partners::SandboxCarrier;
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Handler = ShipOrder<Memory, SandboxCarrier<ManualClock>, ManualClock>;

fn event(event_type: &str, line: &str) -> Envelope {
    serde_json::from_value(json!({
        "eventId": "evt-1", "eventType": event_type, "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Payment", "aggregateId": "ord-1", "version": 1,
        "data": { "orderId": "ord-1", "customerId": "cust-1", "amount": { "amount": 5, "currency": "EUR" },
                  "providerReference": "ref-1", "items": [], "shippingAddress": { "line1": line } },
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

/// Each delivery meets a new process.
async fn react(store: &Memory, event: &Envelope, attempt: u32) -> Result<Done, Failure> {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler: Handler = ShipOrder::new(store.clone(), SandboxCarrier::new(clock.clone()), clock);
    let cause = Cause::reaction(event, Handler::NAME).expect("short");
    handler.react(event, &cause, attempt).await
}

fn stored(store: &Memory) -> Vec<(String, Value)> {
    let log = store.log_from(0);
    let events = log.iter().flat_map(Commit::envelopes);
    events.map(|e| (e.event_type, e.data)).collect()
}

#[tokio::test]
async fn a_paid_order_is_shipped_once_under_a_number_that_belongs_to_it() {
    let store = Memory::default();
    let paid = event("PaymentCompleted", "1 High Street");
    assert_eq!(react(&store, &paid, 1).await.expect("new"), Done::Handled);
    let again = react(&store, &paid, 2).await.expect("known");
    assert_eq!(again, Done::Duplicate);
    let data =
        json!({ "orderId": "ord-1", "customerId": "cust-1", "trackingNumber": "SBX-ship-ord-1" });
    assert_eq!(stored(&store), [("OrderShipped".to_owned(), data)]);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_recorded_once() {
    let store = Memory::default();
    let paid = event("PaymentCompleted", "sandbox-undeliverable");
    assert_eq!(react(&store, &paid, 1).await.expect("new"), Done::Handled);
    let again = react(&store, &paid, 2).await.expect("known");
    assert_eq!(again, Done::Duplicate);
    let data = json!({ "orderId": "ord-1", "customerId": "cust-1", "reason": "no such address" });
    assert_eq!(stored(&store), [("ShipmentFailed".to_owned(), data)]);
}

#[tokio::test]
async fn a_carrier_without_an_answer_is_asked_again_and_nothing_is_stored_meanwhile() {
    let store = Memory::default();
    let paid = event("PaymentCompleted", "sandbox-fail-2");
    for attempt in 1..=2 {
        let result = react(&store, &paid, attempt).await;
        assert!(matches!(result, Err(Failure::Transient(_))), "{result:?}");
        assert!(stored(&store).is_empty());
    }
    react(&store, &paid, 3).await.expect("shipped at last");
    assert_eq!(stored(&store)[0].0, "OrderShipped");
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let store = Memory::default();
    let result = react(&store, &event("PaymentRefunded", "1 High Street"), 1).await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    assert!(stored(&store).is_empty());
}
