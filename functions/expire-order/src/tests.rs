//! An order that nobody pays is cancelled once and not before its time; any other is left alone.

use domain::events::InventoryReserved;
use envelope::{CommandId, Sealer};
use event_store::{Commit, Memory};
use ports::{ManualClock, MemoryTimers};
use serde_json::{Value, json};
use testkit::Faulty;

use super::*;

const UNPAID: Duration = Duration::from_secs(30 * 60);

type Handler = ExpireOrder<Faulty<Memory>, Faulty<MemoryTimers>, ManualClock>;

/// A world in which the order `ord-1` was placed a moment ago.
struct World {
    clock: ManualClock,
    memory: Memory,
    store: Faulty<Memory>,
    timers: Faulty<MemoryTimers>,
    /// The order's event, as the relay publishes it.
    placed: Envelope,
}

/// Until a moment that is so many milliseconds from the one at which the order is to be paid.
fn until_due(offset_ms: i64) -> Duration {
    let unpaid_ms = i64::try_from(UNPAID.as_millis()).expect("short");
    Duration::from_millis(u64::try_from(unpaid_ms + offset_ms).expect("after the order"))
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_123));
        let memory = Memory::default();
        let place = order::Command::Place(of_json(json!({
            "orderId": "ord-1", "customerId": "cust-1",
            "items": [{ "productId": "a", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }],
            "total": { "amount": 5, "currency": "EUR" },
            "shippingAddress": { "line1": "x" }, "payment": { "method": "any" },
        })));
        let orders = Decider::<Order, _, _>::new(memory.clone(), clock.clone());
        let placed = orders.execute("ord-1", &command("in-1"), &place).await;
        placed.expect("new");
        let mut placed = memory.log_from(0)[0].envelopes().swap_remove(0);
        Sealer::new(b"key").seal(&mut placed);
        Self {
            store: Faulty::new(memory.clone()),
            timers: Faulty::new(MemoryTimers::default()),
            clock,
            memory,
            placed,
        }
    }

    async fn react(&self) -> Result<Done, Failure> {
        self.react_within(UNPAID).await
    }

    /// Each delivery meets a new process.
    async fn react_within(&self, unpaid: Duration) -> Result<Done, Failure> {
        let (store, timers) = (self.store.clone(), self.timers.clone());
        let handler = Handler::new(store, timers, self.clock.clone(), unpaid);
        let cause = Cause::reaction(&self.placed, Handler::NAME).expect("short");
        handler.react(&self.placed, &cause, 1).await
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    async fn order(&self, request: order::Command) {
        let orders = Decider::<Order, _, _>::new(self.memory.clone(), self.clock.clone());
        let executed = orders.execute("ord-1", &command("order"), &request).await;
        executed.expect("possible");
    }

    async fn payment(&self, request: payment::Command) {
        let payments = Decider::<Payment, _, _>::new(self.memory.clone(), self.clock.clone());
        // Each request is a command of its own.
        let cause = command(&format!("payment-{}", self.memory.log_from(0).len()));
        let executed = payments.execute("ord-1", &cause, &request).await;
        executed.expect("possible");
    }

    fn cancellations(&self) -> Vec<Value> {
        let log = self.memory.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        let cancelled = events.filter(|event| event.event_type == "OrderCancelled");
        cancelled.map(|event| event.data).collect()
    }

    /// Nothing happens to the order when the time is up.
    async fn expect_left_alone(&self) {
        let before = self.memory.log_from(0).len();
        self.pass(until_due(0)).await;
        let done = self.react().await.expect("nothing to do");
        assert_eq!(done, Done::Duplicate);
        assert_eq!(self.memory.log_from(0).len(), before);
    }
}

fn of_json<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("of that form")
}

fn command(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("valid"))
}

fn due() -> InventoryReserved {
    of_json(json!({
        "orderId": "ord-1", "customerId": "cust-1", "items": [],
        "total": { "amount": 5, "currency": "EUR" },
        "payment": { "method": "any" }, "shippingAddress": { "line1": "x" },
    }))
}

fn charged() -> payment::Command {
    let provider_reference = "charge-1".to_owned();
    payment::Command::RecordCharge {
        due: due().into(),
        provider_reference,
    }
}

#[tokio::test]
async fn an_order_that_was_just_placed_comes_again_as_it_is_when_it_should_have_been_paid() {
    let world = World::new().await;
    assert_eq!(world.react().await.expect("set"), Done::Handled);
    let due = Timestamp::from_millis(1_700_000_000_123 + 30 * 60 * 1_000);
    let timers = world.timers.inner();
    assert_eq!(timers.next(), Some(due));
    let messages = timers.due(due);
    let again: Envelope = of_json(messages[0]["detail"].clone());
    assert_eq!((messages.len(), &again), (1, &world.placed));
    assert_eq!(messages[0]["detail-type"], "OrderPlaced");
    assert_eq!(Sealer::new(b"key").verify(&again), Ok(()));
    assert!(world.cancellations().is_empty());
}

#[tokio::test]
async fn an_order_that_is_delivered_again_has_one_timer() {
    let world = World::new().await;
    world.react().await.expect("set");
    world.timers.lose_an_answer();
    world.pass(Duration::from_secs(5)).await;
    let lost = world.react().await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    world.react().await.expect("set");
    world.pass(UNPAID).await;
    assert_eq!(world.timers.inner().due(world.clock.now()).len(), 1);
}

#[tokio::test]
async fn an_order_whose_time_to_pay_was_lengthened_meanwhile_gets_another_timer() {
    let world = World::new().await;
    world.react().await.expect("set");
    world.pass(UNPAID).await;
    // It went off, and is not deleted yet.
    world.react_within(2 * UNPAID).await.expect("set again");
    assert!(world.cancellations().is_empty());
    assert_eq!(world.timers.inner().due(world.clock.now()).len(), 1);
    world.pass(UNPAID).await;
    assert_eq!(world.timers.inner().due(world.clock.now()).len(), 1);
}

#[tokio::test]
async fn a_timer_that_could_not_be_set_is_set_at_the_next_attempt() {
    let world = World::new().await;
    world.timers.be_unavailable(1);
    let failed = world.react().await;
    assert!(matches!(failed, Err(Failure::Transient(_))), "{failed:?}");
    assert!(world.timers.inner().is_empty());
    world.react().await.expect("set");
    assert!(!world.timers.inner().is_empty());
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_is_cancelled_once() {
    let world = World::new().await;
    world.react().await.expect("set");
    world.pass(until_due(0)).await;
    assert_eq!(world.react().await.expect("unpaid"), Done::Handled);
    assert_eq!(world.react().await.expect("known"), Done::Duplicate);
    let data = json!({ "orderId": "ord-1", "customerId": "cust-1", "reason": "not paid within 30 minutes" });
    assert_eq!(world.cancellations(), [data]);
}

#[tokio::test]
async fn a_timer_may_go_off_a_second_too_early_by_this_clock_and_no_more() {
    let early = World::new().await;
    early.pass(until_due(-1_001)).await;
    early.react().await.expect("set again");
    assert!(early.cancellations().is_empty() && !early.timers.inner().is_empty());
    let in_time = World::new().await;
    in_time.pass(until_due(-1_000)).await;
    in_time.react().await.expect("unpaid");
    assert!(in_time.timers.inner().is_empty());
    assert_eq!(in_time.cancellations().len(), 1);
}

#[tokio::test]
async fn an_event_that_was_held_up_for_longer_than_the_time_to_pay_is_due_at_once() {
    let world = World::new().await;
    world.pass(until_due(3_600_000)).await;
    assert_eq!(world.react().await.expect("unpaid"), Done::Handled);
    assert_eq!(world.cancellations().len(), 1);
}

#[tokio::test]
async fn a_payment_that_got_an_answer_or_an_end_is_left_alone() {
    let declined = payment::Command::RecordDecline {
        due: due().into(),
        reason: "no funds".to_owned(),
    };
    let refund = payment::Command::RecordRefund {
        provider_reference: "refund-1".to_owned(),
    };
    let cancel = payment::Command::Cancel {
        order_id: due().order_id,
    };
    let histories = [
        vec![charged()],
        vec![declined],
        vec![charged(), refund],
        vec![cancel],
    ];
    for history in histories {
        let world = World::new().await;
        for request in history {
            world.payment(request).await;
        }
        world.expect_left_alone().await;
    }
}

#[tokio::test]
async fn an_order_that_ended_without_a_payment_is_left_alone() {
    let fulfilled = order::Command::Fulfil {
        tracking_number: "T-1".to_owned(),
    };
    let failed = order::Command::Fail {
        reason: "out of stock".to_owned(),
    };
    let cancelled = order::Command::Cancel { reason: None };
    for end in [fulfilled, failed, cancelled] {
        let world = World::new().await;
        world.order(end).await;
        world.expect_left_alone().await;
    }
}

#[tokio::test]
async fn a_payment_that_a_lagging_replica_does_not_show_yet_is_seen() {
    let world = World::new().await;
    world.payment(charged()).await;
    world.store.serve_a_stale_load(1);
    world.expect_left_alone().await;
}

#[tokio::test]
async fn a_cancellation_that_fails_on_its_way_or_on_its_way_back_is_repeated_and_counts_once() {
    let world = World::new().await;
    world.pass(until_due(0)).await;
    world.store.be_unavailable(1);
    let unread = world.react().await;
    assert!(matches!(unread, Err(Failure::Transient(_))), "{unread:?}");
    assert!(world.cancellations().is_empty());
    world.store.lose_an_answer();
    let lost = world.react().await;
    assert!(matches!(lost, Err(Failure::Transient(_))), "{lost:?}");
    assert_eq!(world.react().await.expect("known"), Done::Duplicate);
    assert_eq!(world.cancellations().len(), 1);
}

#[tokio::test]
async fn an_event_that_it_does_not_know_is_terminal() {
    let mut world = World::new().await;
    world.placed.event_type = "OrderShipped".to_owned();
    let result = world.react().await;
    assert!(matches!(result, Err(Failure::Terminal(_))), "{result:?}");
}

#[test]
fn a_time_is_said_in_minutes_where_it_can_be() {
    let words = [1800, 90, 60, 7].map(|seconds| in_words(Duration::from_secs(seconds)));
    assert_eq!(
        words,
        ["30 minutes", "90 seconds", "60 seconds", "7 seconds"]
    );
}
