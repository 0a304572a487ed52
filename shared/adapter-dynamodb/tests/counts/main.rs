//! What a command costs, counted to the unit: requests that the SDK sends, and capacity that the
//! table bills. A change that costs one more of either fails here.
//!
//! An event of 310 bytes is one whose stored form (type and data) has 310 bytes; everything around
//! it is as the functions write it: UUIDs for ids, a reaction's name, a trace context.

mod claims;
mod grouping;
mod snapshots;

use adapter_dynamodb::EventStore;
use envelope::{Aggregate, Cause, CommandId, Envelope, Version};
use event_store::contract::{Added, Command, Over, Tally};
use event_store::{AppendError, Decider, ExecuteError, Executed, Load, Outcome, Transaction};
use ports::{Consistency, Ids, RandomIds, SystemClock};
use testkit::{Dynamo, Meter, Usage, dynamo};

/// What the stored form of an event without padding has: `{"t":"Added","d":{"amount":1,"padding":""}}`.
const UNPADDED_BYTES: usize = 43;

/// A metered table, and processes that work on it.
struct Bench {
    meter: Meter,
    store: EventStore,
    _dynamo: Dynamo,
}

type Process = Decider<Tally, EventStore, SystemClock>;

impl Bench {
    async fn new() -> Self {
        let dynamo = Dynamo::embedded().await;
        let meter = Meter::default();
        let store = EventStore::new(dynamo.metered_client(&meter), dynamo::EVENTS_TABLE);
        Self {
            meter,
            store,
            _dynamo: dynamo,
        }
    }

    /// A process with an empty cache.
    fn process(&self) -> Process {
        Decider::new(self.store.clone(), SystemClock)
    }
}

fn event_of_310_bytes() -> Added {
    Added::amount(1).padded(310 - UNPADDED_BYTES)
}

fn fresh_id() -> String {
    RandomIds.next().to_string()
}

/// A cause as realistic as can be: the reaction of a function to an event of a story.
fn reaction() -> Cause {
    let command = Cause::command(&CommandId::from_uuid(RandomIds.next()));
    let id = fresh_id();
    let event = Envelope {
        event_id: command
            .commit_id()
            .event_id(&Tally::<1>::stream(&id).expect("an id"), 0),
        event_type: "OrderPlaced".to_owned(),
        schema_version: 1,
        timestamp: envelope::Timestamp::from_millis(1_795_212_345_678),
        aggregate_type: "Order".to_owned(),
        aggregate_id: id,
        version: Version::new(1),
        data: serde_json::Value::Null,
        metadata: command.metadata(),
    };
    Cause::reaction(&event, "reserve-inventory").expect("a short story")
}

async fn add(process: &Process, id: &str, events: usize) -> Executed<event_store::contract::State> {
    let command = Command::Add(vec![event_of_310_bytes(); events]);
    let executed = process
        .execute(id, &reaction(), &command)
        .await
        .expect("applied");
    assert_eq!(executed.outcome, Outcome::Applied);
    executed
}

fn assert_cost(usage: Usage, requests: u32, write_units: f64, read_units: f64) {
    let counted = (usage.requests, usage.write_units, usage.read_units);
    assert_eq!(
        counted,
        (requests, write_units, read_units),
        "requests, write units, read units"
    );
}

#[tokio::test]
async fn an_event_of_310_bytes_is_stored_in_310_bytes() {
    let bench = Bench::new().await;
    let id = fresh_id();
    add(&bench.process(), &id, 1).await;
    let stream = Tally::<1>::stream(&id).expect("an id");
    let stored = bench
        .store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    let event = serde_json::to_vec(&stored[0].events[0]).expect("JSON");
    assert_eq!(event.len(), 310);
}

#[tokio::test]
async fn a_warm_command_is_one_request_and_one_write_unit() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    add(&process, &id, 1).await;
    bench.meter.take();
    for _ in 0..20 {
        add(&process, &id, 1).await;
        assert_cost(bench.meter.take(), 1, 1.0, 0.0);
    }
}

#[tokio::test]
async fn a_cold_command_adds_one_request_and_half_a_read_unit() {
    let bench = Bench::new().await;
    let id = fresh_id();
    for _ in 0..20 {
        bench.meter.take();
        add(&bench.process(), &id, 1).await;
        assert_cost(bench.meter.take(), 2, 1.0, 0.5);
    }
}

#[tokio::test]
async fn five_events_in_a_warm_command_are_one_request_and_two_write_units() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    add(&process, &id, 1).await;
    bench.meter.take();
    for _ in 0..20 {
        add(&process, &id, 5).await;
        assert_cost(bench.meter.take(), 1, 2.0, 0.0);
    }
}

#[tokio::test]
async fn after_one_missed_commit_there_is_a_second_write_and_no_read() {
    let bench = Bench::new().await;
    let (process, other, id) = (bench.process(), bench.process(), fresh_id());
    add(&process, &id, 1).await;
    add(&other, &id, 1).await;
    bench.meter.take();
    let executed = add(&process, &id, 1).await;
    let usage = bench.meter.take();
    assert_eq!(usage.failed, 1);
    assert_cost(usage, 2, 1.0, 0.0);
    assert_eq!(executed.state.sum, 3, "decided on what the winner left");
}

#[tokio::test]
async fn after_a_lost_answer_there_is_one_more_write_attempt_and_nothing_else() {
    let bench = Bench::new().await;
    let (process, unaware, id) = (bench.process(), bench.process(), fresh_id());
    add(&process, &id, 1).await;
    unaware
        .load(&id, Consistency::Strong)
        .await
        .expect("foldable");
    let (cause, command) = (reaction(), Command::Add(vec![event_of_310_bytes()]));
    process
        .execute(&id, &cause, &command)
        .await
        .expect("applied");
    bench.meter.take();
    let again = unaware
        .execute(&id, &cause, &command)
        .await
        .expect("applied before");
    assert_eq!((again.outcome, again.events().len()), (Outcome::Applied, 1));
    assert_cost(bench.meter.take(), 1, 0.0, 0.0);
}

#[tokio::test]
async fn after_several_missed_commits_there_is_one_read() {
    let bench = Bench::new().await;
    let (process, other, id) = (bench.process(), bench.process(), fresh_id());
    add(&process, &id, 1).await;
    for _ in 0..3 {
        add(&other, &id, 1).await;
    }
    bench.meter.take();
    let executed = add(&process, &id, 1).await;
    let usage = bench.meter.take();
    assert_eq!(usage.failed, 2, "two places were taken");
    assert_cost(usage, 4, 1.0, 1.0);
    assert_eq!(executed.state.sum, 5);
}

#[tokio::test]
async fn a_duplicate_costs_one_write_attempt_or_one_read() {
    let bench = Bench::new().await;
    let (process, behind, id) = (bench.process(), bench.process(), fresh_id());
    behind
        .load(&id, Consistency::Eventual)
        .await
        .expect("empty");
    let (cause, command) = (reaction(), Command::Add(vec![event_of_310_bytes()]));
    process
        .execute(&id, &cause, &command)
        .await
        .expect("applied");
    bench.meter.take();
    for (process, reads) in [(process, 0.0), (bench.process(), 0.5), (behind, 0.5)] {
        let again = process
            .execute(&id, &cause, &command)
            .await
            .expect("no error");
        assert_eq!(again.outcome, Outcome::Duplicate);
        assert_cost(bench.meter.take(), u32::from(reads > 0.0), 0.0, reads);
    }
}

#[tokio::test]
async fn a_refusal_is_given_after_a_strong_read() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    add(&process, &id, 1).await;
    bench.meter.take();
    let refused = process
        .execute(
            &id,
            &reaction(),
            &Command::AddUpTo {
                amount: 1,
                limit: 1,
            },
        )
        .await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Rejected(Over { sum: 1, limit: 1 }))
    ));
    assert_cost(bench.meter.take(), 1, 0.0, 1.0);
}

#[tokio::test]
async fn a_hundred_events_load_in_one_request_when_the_state_is_carried() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    for _ in 0..100 {
        add(&process, &id, 1).await;
    }
    for (consistency, read_units) in [(Consistency::Eventual, 0.5), (Consistency::Strong, 1.0)] {
        bench.meter.take();
        let folded = bench
            .process()
            .load(&id, consistency)
            .await
            .expect("foldable");
        assert_eq!((folded.state.sum, folded.version.get()), (100, 100));
        assert_cost(bench.meter.take(), 1, 0.0, read_units);
    }
}

#[tokio::test]
async fn a_load_never_reads_much_more_than_the_tail_behind_a_large_state() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    let mut most = (0, 0.0_f64);
    for index in 0..200 {
        let event = if index == 0 {
            event_of_310_bytes().with_ballast(3_000)
        } else {
            event_of_310_bytes()
        };
        process
            .execute(&id, &reaction(), &Command::Add(vec![event]))
            .await
            .expect("applied");
        bench.meter.take();
        bench
            .process()
            .load(&id, Consistency::Eventual)
            .await
            .expect("foldable");
        let usage = bench.meter.take();
        most = (most.0.max(usage.requests), most.1.max(usage.read_units));
    }
    // State and tail have about 16 KB; the last page may hold four times what was needed.
    assert!(
        most.0 <= 3 && most.1 <= 10.0,
        "{} requests, {} read units",
        most.0,
        most.1
    );
}

#[tokio::test]
async fn a_transaction_of_one_commit_costs_the_plain_price() {
    let bench = Bench::new().await;
    let process = bench.process();
    for (streams, write_units) in [(1, 1.0), (2, 4.0)] {
        let cause = reaction();
        let mut transaction = Transaction::new(&cause);
        for _ in 0..streams {
            let id = fresh_id();
            let seen = process
                .load(&id, Consistency::Eventual)
                .await
                .expect("empty");
            transaction
                .add(&process, &id, &seen, &[event_of_310_bytes()])
                .expect("an id");
        }
        bench.meter.take();
        transaction
            .commit(&bench.store, &SystemClock)
            .await
            .expect("stored");
        assert_cost(bench.meter.take(), 1, write_units, 0.0);
    }
}

#[tokio::test]
async fn a_claim_makes_it_four_write_units() {
    let bench = Bench::new().await;
    let (process, cause, id) = (bench.process(), reaction(), fresh_id());
    let seen = process
        .load(&id, Consistency::Eventual)
        .await
        .expect("empty");
    let mut transaction = Transaction::new(&cause).claimed("");
    transaction
        .add(&process, &id, &seen, &[event_of_310_bytes()])
        .expect("an id");
    bench.meter.take();
    transaction
        .commit(&bench.store, &SystemClock)
        .await
        .expect("stored");
    assert_cost(bench.meter.take(), 1, 4.0, 0.0);
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let bench = Bench::new().await;
    let (process, id) = (bench.process(), fresh_id());
    process
        .load(&id, Consistency::Eventual)
        .await
        .expect("empty");
    let huge = Command::Add(vec![Added::amount(1).padded(410 * 1024)]);
    bench.meter.take();
    let result = process.execute(&id, &reaction(), &huge).await;
    assert!(
        matches!(
            result,
            Err(ExecuteError::Append(AppendError::TooLarge { .. }))
        ),
        "{result:?}"
    );
    let usage = bench.meter.take();
    // The first load of an unknown stream is not cached, so that there is one read.
    assert_cost(usage, 1, 0.0, 0.5);
}
