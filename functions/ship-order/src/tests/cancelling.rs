//! A shipment that is cancelled before, while or after the carrier takes the parcel, which then comes back.

use std::sync::{Arc, Mutex, MutexGuard};

use domain::OrderId;
use envelope::CommandId;
use ports::Unavailable;
use testkit::Faulty;

use super::*;

/// The sandbox, with a list of what it was asked for, whose answers are lost if so it is told.
#[derive(Clone)]
struct Desk {
    sandbox: SandboxCarrier<ManualClock>,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    silent: bool,
    taken: Vec<String>,
    recalled: Vec<String>,
}

impl Desk {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no user panicked")
    }

    fn answer(&self) -> Result<(), Unavailable> {
        match self.books().silent {
            true => Err(Unavailable::new("carrier", "the answer was lost")),
            false => Ok(()),
        }
    }
}

impl Carrier for Desk {
    async fn pick_up(&self, pickup: &Pickup<'_>) -> Result<String, PickupError> {
        let number = self.sandbox.pick_up(pickup).await?;
        self.books().taken.push(pickup.order_id.to_string());
        self.answer()?;
        Ok(number)
    }

    async fn recall(&self, order_id: &OrderId) -> Result<(), Unavailable> {
        self.books().recalled.push(order_id.to_string());
        self.answer()
    }
}

struct World {
    memory: Memory,
    store: Faulty<Memory>,
    desk: Desk,
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_700_000_000_000))
}

impl World {
    fn new() -> Self {
        let (memory, books) = Default::default();
        let sandbox = SandboxCarrier::new(clock());
        Self {
            store: Faulty::new(Memory::clone(&memory)),
            memory,
            desk: Desk { sandbox, books },
        }
    }

    /// Each delivery meets a new process.
    async fn react(&self, line: &str) -> Result<Done, Failure> {
        let event = event("PaymentCompleted", line);
        let cause = Cause::reaction(&event, Handler::NAME).expect("short");
        let handler = ShipOrder::new(self.store.clone(), self.desk.clone(), clock());
        handler.react(&event, &cause, 1).await
    }

    /// The shipment is cancelled and nothing else, and whatever was taken is recalled.
    fn expect_nothing_sent(&self, taken: usize, recalled: usize) {
        let types: Vec<_> = stored(&self.memory)
            .into_iter()
            .map(|event| event.0)
            .collect();
        assert_eq!(types, ["ShipmentCancelled"]);
        assert_eq!(self.desk.books().taken, vec!["ord-1"; taken]);
        assert_eq!(self.desk.books().recalled, vec!["ord-1"; recalled]);
    }
}

async fn cancel(memory: Memory) {
    let shipments = Decider::<Shipment, _, _>::new(memory, clock());
    let cause = Cause::command(&CommandId::new("cancel-1").expect("valid"));
    let order_id = OrderId::new("ord-1");
    let cancel = shipment::Command::Cancel { order_id };
    let executed = shipments.execute("ord-1", &cause, &cancel).await;
    executed.expect("open");
}

#[tokio::test]
async fn a_shipment_that_was_cancelled_is_not_picked_up_and_recalled_at_every_delivery() {
    let world = World::new();
    cancel(world.memory.clone()).await;
    for deliveries in 1..=2 {
        let done = world.react("1 High Street").await.expect("nothing to do");
        assert_eq!(done, Done::Duplicate);
        world.expect_nothing_sent(0, deliveries);
    }
}

#[tokio::test]
async fn a_parcel_whose_record_loses_against_the_cancellation_is_recalled() {
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || cancel(memory));
    let done = world.react("1 High Street").await.expect("recalled");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_sent(1, 1);
}

#[tokio::test]
async fn a_process_that_sees_the_past_has_its_parcel_recalled() {
    let world = World::new();
    cancel(world.memory.clone()).await;
    world.store.serve_a_stale_load(1);
    let done = world.react("1 High Street").await.expect("recalled");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_sent(1, 1);
}

#[tokio::test]
async fn a_parcel_that_was_taken_before_the_function_died_is_recalled_by_the_next_delivery() {
    let world = World::new();
    // The transaction that is under way outlasts every attempt of the first delivery.
    world.store.be_busy(100);
    let died = world.react("1 High Street").await;
    assert!(matches!(died, Err(Failure::Transient(_))), "{died:?}");
    world.store.heal();
    cancel(world.memory.clone()).await;
    world.react("1 High Street").await.expect("recalled");
    world.expect_nothing_sent(1, 1);
}

#[tokio::test]
async fn a_carrier_whose_answer_was_lost_is_told_again_to_bring_the_parcel_back() {
    let world = World::new();
    world.desk.books().silent = true;
    let lost = world.react("1 High Street").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    cancel(world.memory.clone()).await;
    let lost = world.react("1 High Street").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "no answer yet");
    world.desk.books().silent = false;
    world.react("1 High Street").await.expect("recalled");
    world.expect_nothing_sent(1, 2);
}

#[tokio::test]
async fn a_refusal_that_loses_against_the_cancellation_is_not_published() {
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || cancel(memory));
    let done = world
        .react("sandbox-undeliverable")
        .await
        .expect("answered");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_sent(0, 1);
}

#[tokio::test]
async fn a_parcel_that_is_recorded_is_never_recalled_here() {
    let world = World::new();
    for _ in 0..2 {
        world.react("1 High Street").await.expect("shipped");
    }
    assert_eq!(stored(&world.memory)[0].0, "OrderShipped");
    assert!(world.desk.books().recalled.is_empty());
}
