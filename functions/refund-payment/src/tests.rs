//! Money goes back once, under one key, and only if it was taken.

mod cancelling;

use std::sync::{Arc, Mutex};

use domain::events::InventoryReserved;
use envelope::{CommandId, Timestamp};
use event_store::{Commit, Memory};
use partners::{Charge, ChargeError, Receipt};
use ports::{ManualClock, Unavailable};
use serde_json::{Value, json};
use testkit::Faulty;

use super::*;

/// Writes every refund down, and does not answer the first `silent` requests.
#[derive(Clone, Default)]
struct Provider(Arc<Mutex<Desk>>);

#[derive(Default)]
struct Desk {
    silent: usize,
    /// Key, charge and amount of each request.
    asked: Vec<(String, String, i64)>,
    /// Key of each charge that was to be voided.
    voided: Vec<String>,
}

impl PaymentProvider for Provider {
    async fn charge(&self, _: &Charge<'_>) -> Result<Receipt, ChargeError> {
        unreachable!("a refund charges nothing")
    }

    async fn refund(&self, refund: &Refund<'_>) -> Result<Receipt, Unavailable> {
        let mut desk = self.0.lock().expect("no user panicked");
        desk.asked.push((
            refund.idempotency_key.to_owned(),
            refund.charge_reference.to_owned(),
            refund.amount.amount,
        ));
        if desk.asked.len() <= desk.silent {
            return Err(Unavailable::new("payments:Refund", "the answer was lost"));
        }
        let reference = "receipt-1".to_owned();
        Ok(Receipt { reference })
    }

    async fn void(&self, charge_key: &str) -> Result<(), Unavailable> {
        let mut desk = self.0.lock().expect("no user panicked");
        desk.voided.push(charge_key.to_owned());
        if desk.voided.len() <= desk.silent {
            return Err(Unavailable::new("payments:Void", "the answer was lost"));
        }
        Ok(())
    }
}

/// A world in which the payment of `ord-1` was recorded, if there is one.
struct World {
    memory: Memory,
    store: Faulty<Memory>,
    provider: Provider,
}

type Handler = RefundPayment<Faulty<Memory>, Provider, ManualClock>;

fn charge(due: InventoryReserved) -> payment::Command {
    payment::Command::RecordCharge {
        due: due.into(),
        provider_reference: "charge-1".to_owned(),
    }
}

fn decline(due: InventoryReserved) -> payment::Command {
    payment::Command::RecordDecline {
        due: due.into(),
        reason: "no funds".to_owned(),
    }
}

/// What the provider answered is recorded.
async fn record(memory: Memory, answer: fn(InventoryReserved) -> payment::Command) {
    let due = serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1", "items": [],
        "total": { "amount": 5, "currency": "EUR" },
        "payment": { "method": "any" }, "shippingAddress": { "line1": "x" },
    }));
    let cause = Cause::command(&CommandId::new("in-1").expect("valid"));
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let payments = Decider::<Payment, _, _>::new(memory, clock);
    let command = answer(due.expect("a reservation"));
    let result = payments.execute("ord-1", &cause, &command).await;
    result.expect("new");
}

impl World {
    async fn new(paid: Option<fn(InventoryReserved) -> payment::Command>) -> Self {
        let memory = Memory::default();
        let world = Self {
            store: Faulty::new(memory.clone()),
            memory,
            provider: Provider::default(),
        };
        if let Some(paid) = paid {
            record(world.memory.clone(), paid).await;
        }
        world
    }

    async fn charged() -> Self {
        Self::new(Some(charge)).await
    }

    fn handler(&self) -> Handler {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        RefundPayment::new(self.store.clone(), self.provider.clone(), clock)
    }

    /// Each delivery meets a new process.
    async fn react(&self, event_type: &str) -> Result<Done, Failure> {
        let event: Envelope = serde_json::from_value(json!({
            "eventId": format!("evt-{event_type}"), "eventType": event_type, "schemaVersion": 1,
            "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Shipment", "aggregateId": "ord-1", "version": 1,
            "data": { "orderId": "ord-1", "customerId": "cust-1", "reason": "no such address" },
            "metadata": { "correlationId": "story" },
        }))
        .expect("an envelope");
        let cause = Cause::reaction(&event, Handler::NAME).expect("short");
        self.handler().react(&event, &cause, 1).await
    }

    fn asked(&self) -> Vec<(String, String, i64)> {
        self.provider
            .0
            .lock()
            .expect("no user panicked")
            .asked
            .clone()
    }

    fn happened(&self, event_type: &str) -> Vec<Value> {
        let log = self.memory.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        let of_type = events.filter(|event| event.event_type == event_type);
        of_type.map(|event| event.data).collect()
    }

    fn refunds(&self) -> Vec<Value> {
        self.happened("PaymentRefunded")
    }

    /// One refund is recorded, and every request for it was the same.
    fn expect_one_refund(&self, asked: usize) {
        let data = json!({ "orderId": "ord-1", "amount": { "amount": 5, "currency": "EUR" },
                           "providerReference": "receipt-1" });
        assert_eq!(self.refunds(), [data]);
        let request = ("refund-ord-1".to_owned(), "charge-1".to_owned(), 5);
        assert_eq!(self.asked(), vec![request; asked]);
    }
}

#[tokio::test]
async fn what_was_charged_goes_back_once_and_a_second_delivery_asks_nobody() {
    let world = World::charged().await;
    let first = world.react("ShipmentFailed").await.expect("refunded");
    assert_eq!(first, Done::Handled);
    let again = world.react("ShipmentFailed").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    world.expect_one_refund(1);
}

#[tokio::test]
async fn a_provider_whose_answer_was_lost_is_asked_again_under_the_same_key() {
    let world = World::charged().await;
    world.provider.0.lock().expect("no user panicked").silent = 1;
    let lost = world.react("ShipmentFailed").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert!(world.refunds().is_empty());
    world.react("ShipmentFailed").await.expect("refunded");
    world.expect_one_refund(2);
}

#[tokio::test]
async fn a_refund_that_could_not_be_recorded_is_asked_for_again_under_the_same_key() {
    let world = World::charged().await;
    // The transaction that is under way outlasts every attempt of the first delivery.
    world.store.be_busy(100);
    let failed = world.react("ShipmentFailed").await;
    assert!(matches!(failed, Err(Failure::Transient(_))), "{failed:?}");
    world.store.heal();
    world.react("ShipmentFailed").await.expect("recorded");
    world.expect_one_refund(2);
}

#[tokio::test]
async fn a_refund_whose_record_was_stored_without_an_answer_is_not_asked_for_again() {
    let world = World::charged().await;
    world.store.lose_an_answer();
    let lost = world.react("ShipmentFailed").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    let again = world.react("ShipmentFailed").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    world.expect_one_refund(1);
}

#[tokio::test]
async fn nothing_is_given_back_when_nothing_was_taken() {
    for world in [World::new(None).await, World::new(Some(decline)).await] {
        let refused = world.react("ShipmentFailed").await;
        assert!(matches!(refused, Err(Failure::Terminal(_))), "{refused:?}");
        assert!(world.asked().is_empty());
        assert!(world.refunds().is_empty());
    }
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let world = World::charged().await;
    let result = world.react("OrderShipped").await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    assert!(world.asked().is_empty());
}
