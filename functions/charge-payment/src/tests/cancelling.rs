//! A payment that is cancelled before, while or after the provider takes the money, which then goes back.

use std::sync::{Arc, Mutex, MutexGuard};

use domain::OrderId;
use envelope::CommandId;
use partners::{Receipt, Refund};
use ports::Unavailable;
use testkit::Faulty;

use super::*;

const KEY: &str = "charge-ord-1";

/// The sandbox, with a list of what it was asked for, whose answers are lost if so it is told.
#[derive(Clone)]
struct Provider {
    sandbox: SandboxPayments<ManualClock>,
    desk: Arc<Mutex<Desk>>,
}

#[derive(Default)]
struct Desk {
    silent: bool,
    charged: Vec<String>,
    voided: Vec<String>,
}

impl Provider {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no user panicked")
    }

    fn answer(&self) -> Result<(), Unavailable> {
        match self.desk().silent {
            true => Err(Unavailable::new("payments", "the answer was lost")),
            false => Ok(()),
        }
    }
}

impl PaymentProvider for Provider {
    async fn charge(&self, charge: &Charge<'_>) -> Result<Receipt, ChargeError> {
        let receipt = self.sandbox.charge(charge).await?;
        self.desk().charged.push(charge.idempotency_key.to_owned());
        self.answer()?;
        Ok(receipt)
    }

    async fn refund(&self, _: &Refund<'_>) -> Result<Receipt, Unavailable> {
        unreachable!("a charge that nobody recorded is voided")
    }

    async fn void(&self, charge_key: &str) -> Result<(), Unavailable> {
        self.desk().voided.push(charge_key.to_owned());
        self.answer()
    }
}

struct World {
    memory: Memory,
    store: Faulty<Memory>,
    provider: Provider,
}

impl World {
    fn new() -> Self {
        let (memory, desk) = Default::default();
        let sandbox = SandboxPayments::new(clock());
        Self {
            store: Faulty::new(Memory::clone(&memory)),
            memory,
            provider: Provider { sandbox, desk },
        }
    }

    /// Each delivery meets a new process.
    async fn react(&self, method: &str) -> Result<Done, Failure> {
        let event = due(method);
        let cause = Cause::reaction(&event, "charge-payment").expect("short");
        let handler = ChargePayment::new(self.store.clone(), self.provider.clone(), clock());
        handler.react(&event, &cause, 1).await
    }

    /// The payment is cancelled and nothing else, and of what was charged nothing is kept.
    fn expect_nothing_kept(&self, charged: usize, voided: usize) {
        let types: Vec<_> = stored(&self.memory)
            .into_iter()
            .map(|event| event.0)
            .collect();
        assert_eq!(types, ["PaymentCancelled"]);
        assert_eq!(self.provider.desk().charged, vec![KEY; charged]);
        assert_eq!(self.provider.desk().voided, vec![KEY; voided]);
    }
}

async fn cancel(memory: Memory) {
    let payments = Decider::<Payment, _, _>::new(memory, clock());
    let cause = Cause::command(&CommandId::new("cancel-1").expect("valid"));
    let order_id = OrderId::new("ord-1");
    let cancel = payment::Command::Cancel { order_id };
    let executed = payments.execute("ord-1", &cause, &cancel).await;
    executed.expect("open");
}

#[tokio::test]
async fn a_payment_that_was_cancelled_is_not_asked_for_and_voided_at_every_delivery() {
    let world = World::new();
    cancel(world.memory.clone()).await;
    for deliveries in 1..=2 {
        let done = world.react("sandbox-approve").await.expect("nothing to do");
        assert_eq!(done, Done::Duplicate);
        world.expect_nothing_kept(0, deliveries);
    }
}

#[tokio::test]
async fn a_charge_whose_record_loses_against_the_cancellation_is_voided() {
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || cancel(memory));
    let done = world.react("sandbox-approve").await.expect("voided");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_kept(1, 1);
}

#[tokio::test]
async fn a_process_that_sees_the_past_charges_and_voids() {
    let world = World::new();
    cancel(world.memory.clone()).await;
    world.store.serve_a_stale_load(1);
    let done = world.react("sandbox-approve").await.expect("voided");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_kept(1, 1);
}

#[tokio::test]
async fn a_charge_that_died_before_its_record_is_voided_by_the_next_delivery() {
    let world = World::new();
    // The transaction that is under way outlasts every attempt of the first delivery.
    world.store.be_busy(100);
    let died = world.react("sandbox-approve").await;
    assert!(matches!(died, Err(Failure::Transient(_))), "{died:?}");
    world.store.heal();
    cancel(world.memory.clone()).await;
    world.react("sandbox-approve").await.expect("voided");
    world.expect_nothing_kept(1, 1);
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_voided_by_the_next_delivery() {
    let world = World::new();
    world.provider.desk().silent = true;
    let lost = world.react("sandbox-approve").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    cancel(world.memory.clone()).await;
    let lost = world.react("sandbox-approve").await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "no answer yet");
    world.provider.desk().silent = false;
    world.react("sandbox-approve").await.expect("voided");
    world.expect_nothing_kept(1, 2);
}

#[tokio::test]
async fn a_decline_that_loses_against_the_cancellation_is_not_published() {
    let world = World::new();
    let memory = world.memory.clone();
    world.store.race(move || cancel(memory));
    let done = world.react("sandbox-decline").await.expect("answered");
    assert_eq!(done, Done::Duplicate);
    world.expect_nothing_kept(0, 1);
}

#[tokio::test]
async fn a_charge_that_is_recorded_is_never_voided_here() {
    let world = World::new();
    for _ in 0..2 {
        world.react("sandbox-approve").await.expect("charged");
    }
    assert_eq!(stored(&world.memory)[0].0, "PaymentCompleted");
    assert!(world.provider.desk().voided.is_empty());
}
