//! No parcel of a cancelled order stays on its way, whether it was recorded, is just being, or never was.

use std::sync::{Arc, Mutex};

use domain::OrderId;
use envelope::{CommandId, Timestamp};
use event_store::{Commit, Memory};
use partners::{Pickup, PickupError};
use ports::{ManualClock, Unavailable};
use serde_json::{Value, json};
use testkit::Faulty;

use super::*;

/// Writes every recall down, and does not answer the first `silent` requests.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    silent: usize,
    recalled: Vec<String>,
}

impl Carrier for Desk {
    async fn pick_up(&self, _: &Pickup<'_>) -> Result<String, PickupError> {
        unreachable!("a recall sends nothing")
    }

    async fn recall(&self, order_id: &OrderId) -> Result<(), Unavailable> {
        let mut books = self.0.lock().expect("no user panicked");
        books.recalled.push(order_id.to_string());
        if books.recalled.len() <= books.silent {
            return Err(Unavailable::new("carrier:Recall", "the answer was lost"));
        }
        Ok(())
    }
}

type Handler = RecallShipment<Faulty<Memory>, Desk, ManualClock>;

struct World {
    memory: Memory,
    store: Faulty<Memory>,
    desk: Desk,
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_700_000_000_000))
}

fn paid() -> domain::events::PaymentCompleted {
    serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1", "amount": { "amount": 5, "currency": "EUR" },
        "providerReference": "ref-1", "items": [], "shippingAddress": { "line1": "x" },
    }))
    .expect("a payment")
}

fn taken() -> shipment::Command {
    shipment::Command::RecordPickup {
        order: paid().into(),
        tracking_number: "T-1".to_owned(),
    }
}

fn refused() -> shipment::Command {
    shipment::Command::RecordRefusal {
        order: paid().into(),
        reason: "no such address".to_owned(),
    }
}

/// What the carrier answered is recorded.
async fn record(memory: Memory, command: shipment::Command) {
    let shipments = Decider::<Shipment, _, _>::new(memory, clock());
    let cause = Cause::command(&CommandId::new("in-1").expect("valid"));
    let executed = shipments.execute("ord-1", &cause, &command).await;
    executed.expect("new");
}

impl World {
    fn new() -> Self {
        let memory = Memory::default();
        Self {
            store: Faulty::new(memory.clone()),
            memory,
            desk: Desk::default(),
        }
    }

    async fn after(command: shipment::Command) -> Self {
        let world = Self::new();
        record(world.memory.clone(), command).await;
        world
    }

    /// Each delivery meets a new process.
    async fn react(&self, event_type: &str) -> Result<Done, Failure> {
        let event: Envelope = serde_json::from_value(json!({
            "eventId": "evt-1", "eventType": event_type, "schemaVersion": 1,
            "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Order", "aggregateId": "ord-1", "version": 2,
            "data": { "orderId": "ord-1", "customerId": "cust-1" },
            "metadata": { "correlationId": "story" },
        }))
        .expect("an envelope");
        let cause = Cause::reaction(&event, Handler::NAME).expect("short");
        let handler = RecallShipment::new(self.store.clone(), self.desk.clone(), clock());
        handler.react(&event, &cause, 1).await
    }

    fn silence(&self, requests: usize) {
        self.desk.0.lock().expect("no user panicked").silent = requests;
    }

    fn recalls(&self) -> usize {
        let books = self.desk.0.lock().expect("no user panicked");
        assert!(books.recalled.iter().all(|order_id| order_id == "ord-1"));
        books.recalled.len()
    }

    fn happened(&self) -> Vec<(String, Value)> {
        let log = self.memory.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        events.map(|e| (e.event_type, e.data)).collect()
    }

    fn types(&self) -> Vec<String> {
        self.happened().into_iter().map(|event| event.0).collect()
    }
}

#[tokio::test]
async fn where_no_parcel_is_recorded_none_will_be_and_whatever_the_carrier_took_is_recalled() {
    let world = World::new();
    let first = world.react("OrderCancelled").await.expect("cancelled");
    assert_eq!(first, Done::Handled);
    let data = json!({ "orderId": "ord-1" });
    assert_eq!(world.happened(), [("ShipmentCancelled".to_owned(), data)]);
    assert_eq!(world.recalls(), 1);
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    assert_eq!(world.types().len(), 1);
}

#[tokio::test]
async fn a_parcel_on_its_way_is_recalled_and_then_said_to_be_once() {
    let world = World::after(taken()).await;
    world.silence(1);
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert_eq!(world.types(), ["OrderShipped"], "not recalled yet");
    let done = world.react("OrderCancelled").await.expect("recalled");
    assert_eq!(done, Done::Handled);
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    assert_eq!(world.types(), ["OrderShipped", "ShipmentCancelled"]);
}

#[tokio::test]
async fn a_recall_that_was_not_answered_after_the_shipment_was_closed_is_asked_for_again() {
    let world = World::new();
    world.silence(1);
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert_eq!(world.types(), ["ShipmentCancelled"]);
    world.react("OrderCancelled").await.expect("recalled");
    assert_eq!(world.types(), ["ShipmentCancelled"]);
    assert_eq!(world.recalls(), 2);
}

#[tokio::test]
async fn a_recall_whose_record_was_stored_without_an_answer_is_recorded_once() {
    let world = World::after(taken()).await;
    world.store.lose_an_answer();
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    let again = world.react("OrderCancelled").await.expect("known");
    assert_eq!(again, Done::Duplicate);
    assert_eq!(world.types(), ["OrderShipped", "ShipmentCancelled"]);
}

#[tokio::test]
async fn a_parcel_that_is_recorded_at_that_moment_is_recalled_before_it_is_said_to_be() {
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || record(memory, taken()));
    world.silence(1);
    let lost = world.react("OrderCancelled").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert_eq!(world.types(), ["OrderShipped"]);
    world.react("OrderCancelled").await.expect("recalled");
    assert_eq!(world.types(), ["OrderShipped", "ShipmentCancelled"]);
}

#[tokio::test]
async fn of_a_parcel_that_the_carrier_refused_there_is_nothing_to_recall() {
    let world = World::after(refused()).await;
    let done = world.react("OrderCancelled").await.expect("nothing to do");
    assert_eq!(done, Done::Duplicate);
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || record(memory, refused()));
    let done = world.react("OrderCancelled").await.expect("nothing to do");
    assert_eq!(done, Done::Duplicate);
    assert_eq!(world.types(), ["ShipmentFailed"]);
    assert_eq!(world.recalls(), 0);
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let world = World::after(taken()).await;
    let result = world.react("OrderFailed").await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
    assert_eq!(world.recalls(), 0);
}
