//! What a look at the past costs, counted to the unit, on a stream of 1,000 commits.
//!
//! The stream is stored by a decider, so that states ride where a decider lets them ride.

use adapter_dynamodb::EventStore;
use envelope::{Cause, CommandId, Timestamp, Version};
use event_store::Decider;
use event_store::contract::{Added, Command, Tally};
use ports::{Clock, Ids, ManualClock, RandomIds};
use testkit::{Dynamo, Meter, Usage, dynamo};

const ID: &str = "one";
const EVENTS: u64 = 1_000;

/// Time of the first commit; the others follow ten milliseconds after one another.
const BEGAN_MS: i64 = 1_795_212_345_678;
const STEP_MS: i64 = 10;

/// ⌈log₂(1,000)⌉: so many halvings leave one of a thousand versions.
const HALVINGS: u32 = 10;

struct Bench {
    meter: Meter,
    store: EventStore,
    _dynamo: Dynamo,
}

type Process = Decider<Tally, EventStore, ManualClock>;

impl Bench {
    /// A table with one stream. Its events have `padding` bytes beside their amount of 1.
    async fn with_stream(padding: usize) -> Self {
        let dynamo = Dynamo::embedded().await;
        let meter = Meter::default();
        let store = EventStore::new(dynamo.metered_client(&meter), dynamo::EVENTS_TABLE);
        let clock = ManualClock::at(Timestamp::from_millis(BEGAN_MS));
        let writer = Process::new(store.clone(), clock.clone());
        for _ in 0..EVENTS {
            let cause = Cause::command(&CommandId::from_uuid(RandomIds.next()));
            let add = Command::Add(vec![Added::amount(1).padded(padding)]);
            writer.execute(ID, &cause, &add).await.expect("applied");
            clock
                .sleep(std::time::Duration::from_millis(STEP_MS as u64))
                .await;
        }
        meter.take();
        let _dynamo = dynamo;
        Self {
            meter,
            store,
            _dynamo,
        }
    }

    /// A process with an empty cache.
    fn process(&self) -> Process {
        Process::new(
            self.store.clone(),
            ManualClock::at(Timestamp::from_millis(0)),
        )
    }

    async fn at_version(&self, version: u64) -> (Option<u64>, Usage) {
        let folded = self.process().at_version(ID, Version::new(version)).await;
        (
            folded.expect("foldable").map(|folded| folded.state.sum),
            self.meter.take(),
        )
    }

    async fn at_time(&self, millis: i64) -> (Option<u64>, Usage) {
        let folded = self
            .process()
            .at_time(ID, Timestamp::from_millis(millis))
            .await;
        (
            folded.expect("foldable").map(|folded| folded.state.sum),
            self.meter.take(),
        )
    }
}

#[tokio::test]
async fn the_state_at_any_of_a_thousand_versions_is_one_request_and_half_a_read_unit() {
    let bench = Bench::with_stream(250).await;
    for version in [1, 2, 3, 17, 499, 500, 501, 997, 999, 1_000] {
        let (sum, usage) = bench.at_version(version).await;
        assert_eq!(sum, Some(version));
        assert_eq!(
            (usage.requests, usage.read_units),
            (1, 0.5),
            "version {version}"
        );
    }
    // Before the first event there is nothing to ask for; behind the last one it is asked twice.
    let (sum, usage) = bench.at_version(0).await;
    assert_eq!((sum, usage.requests), (Some(0), 0));
    let (sum, usage) = bench.at_version(EVENTS + 1).await;
    assert_eq!((sum, usage.requests, usage.read_units), (None, 2, 1.5));
}

#[tokio::test]
async fn the_state_at_any_moment_is_a_bisection_and_never_a_scan() {
    let bench = Bench::with_stream(250).await;
    let mut most = (0, 0.0_f64);
    for number in (0..EVENTS).step_by(37) {
        let began = BEGAN_MS + STEP_MS * i64::try_from(number).expect("small");
        for millis in [began, began + STEP_MS - 1] {
            let (sum, usage) = bench.at_time(millis).await;
            assert_eq!(sum, Some(number + 1), "commit {number}");
            most = (most.0.max(usage.requests), most.1.max(usage.read_units));
        }
    }
    assert!(most.0 <= HALVINGS + 2, "{} requests", most.0);
    assert!(
        most.1 <= f64::from(HALVINGS) * 0.5 + 1.5,
        "{} read units",
        most.1
    );
    let (sum, usage) = bench.at_time(BEGAN_MS - 1).await;
    assert_eq!(sum, None);
    assert!(
        usage.requests <= HALVINGS + 1,
        "{} requests",
        usage.requests
    );
}

#[tokio::test]
async fn a_moment_behind_the_last_commit_is_one_request() {
    let bench = Bench::with_stream(0).await;
    let (sum, usage) = bench.at_time(BEGAN_MS + 1_000 * STEP_MS).await;
    assert_eq!(
        (sum, usage.requests, usage.read_units),
        (Some(EVENTS), 1, 1.0)
    );
}

#[tokio::test]
async fn the_events_between_two_versions_are_one_or_two_requests() {
    let bench = Bench::with_stream(250).await;
    for (from, to, requests) in [(1, 1, 1), (700, 700, 1), (1, 1_000, 1), (300, 340, 2)] {
        let versions = Version::new(from)..=Version::new(to);
        let events = bench
            .process()
            .between(ID, versions)
            .await
            .expect("readable");
        let found: Vec<_> = events.iter().map(|event| event.version.get()).collect();
        assert!(found.into_iter().eq(from..=to), "versions {from} to {to}");
        assert_eq!(
            bench.meter.take().requests,
            requests,
            "versions {from} to {to}"
        );
    }
}
