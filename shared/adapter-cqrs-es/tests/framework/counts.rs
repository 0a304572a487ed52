//! What a command costs, counted to the unit. The numbers are those of the README.

use crate::account::{Account, Command, Mode, carrying, framework};
use adapter_cqrs_es::{Cqrs, Repository, cqrs, snapshot_cqrs};
use adapter_dynamodb::EventStore;
use testkit::{Dynamo, Meter, Usage, dynamo};

/// `{"t":"Moved","d":{"Moved":{"amount":1,"memo":""}}}` has 50 bytes; the whole has 310.
const MEMO_BYTES: usize = 260;

const COMMANDS: u32 = 100;

struct Bench {
    meter: Meter,
    store: EventStore,
    _dynamo: Dynamo,
}

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
}

/// What `COMMANDS` commands on one stream cost together.
async fn cost(bench: &Bench, repository: &Repository<EventStore>, mode: Mode) -> Usage {
    let cqrs = framework(repository, mode);
    bench.meter.take();
    for _ in 0..COMMANDS {
        cqrs.execute("1", Command::Pad(MEMO_BYTES))
            .await
            .expect("applied");
    }
    bench.meter.take()
}

#[tokio::test]
async fn with_states_a_command_is_two_requests_one_write_unit_and_one_read_unit() {
    let bench = Bench::new().await;
    let usage = cost(&bench, &carrying(&bench.store), Mode::Aggregates).await;
    assert_eq!(usage.requests, 2 * COMMANDS);
    assert_eq!(usage.failed, 0);
    assert!(
        (usage.write_units - f64::from(COMMANDS)).abs() < 0.01,
        "{usage:?}"
    );
    assert!(
        (usage.read_units - f64::from(COMMANDS)).abs() < 0.01,
        "{usage:?}"
    );
}

#[tokio::test]
async fn with_the_frameworks_snapshots_it_is_one_request_and_one_read_unit_more() {
    let bench = Bench::new().await;
    let usage = cost(&bench, &carrying(&bench.store), Mode::Snapshots(10)).await;
    // The first command finds no snapshot, and asks for the stream from its beginning.
    assert_eq!(usage.requests, 3 * COMMANDS);
    assert!(
        (usage.write_units - f64::from(COMMANDS)).abs() < 0.01,
        "{usage:?}"
    );
    assert!(
        (usage.read_units - f64::from(2 * COMMANDS)).abs() < 0.01,
        "{usage:?}"
    );
}

#[tokio::test]
async fn from_events_alone_a_command_reads_the_whole_stream_in_one_request() {
    let bench = Bench::new().await;
    let usage = cost(&bench, &Repository::new(bench.store.clone()), Mode::Events).await;
    assert_eq!(usage.requests, 2 * COMMANDS);
    assert!(
        (usage.write_units - f64::from(COMMANDS)).abs() < 0.01,
        "{usage:?}"
    );
    // All commits so far, 4 KB to the unit, on average over the stream's growth.
    assert!((usage.read_units - 577.0).abs() < 0.01, "{usage:?}");
}

#[tokio::test]
async fn five_events_in_a_command_are_one_request_and_two_write_units() {
    for with_states in [true, false] {
        let bench = Bench::new().await;
        let framework: Cqrs<Account, _> = match with_states {
            true => snapshot_cqrs(bench.store.clone(), Vec::new(), ()),
            false => cqrs(bench.store.clone(), Vec::new(), ()),
        };
        framework
            .execute("1", Command::PadEach(MEMO_BYTES, 5))
            .await
            .expect("applied");
        bench.meter.take();
        framework
            .execute("1", Command::PadEach(MEMO_BYTES, 5))
            .await
            .expect("applied");
        let usage = bench.meter.take();
        assert_eq!((usage.requests, usage.failed), (2, 0));
        assert!((usage.write_units - 2.0).abs() < 0.01, "{usage:?}");
        assert!((usage.read_units - 1.0).abs() < 0.01, "{usage:?}");
    }
}
