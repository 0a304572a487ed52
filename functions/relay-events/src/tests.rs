//! The relay under every mask of failures.

use adapter_dynamodb::record_of_commit;
use envelope::{Cause, CommandId, StreamId, Version};
use event_store::{Commit, Recorded};
use ports::{ManualClock, MemoryBus, MemoryDeadLetters};
use proptest::prelude::*;

use super::*;

const KEY: &[u8] = b"key";

fn commit(stream: usize, version: u64, events: usize) -> Commit {
    let cause = Cause::command(&CommandId::new(format!("c-{stream}-{version}")).expect("valid"));
    let event = |index: usize| Recorded {
        event_id: None,
        event_type: "OrderPlaced".to_owned(),
        schema_version: 1,
        data: json!({ "index": index }),
    };
    Commit {
        stream: StreamId::new("Order", stream.to_string()).expect("valid"),
        first: Version::new(version),
        commit_id: cause.commit_id().clone(),
        time: Timestamp::from_millis(0),
        metadata: cause.metadata(),
        events: (0..events).map(event).collect(),
        joined: vec![],
        payload: None,
        carried: None,
    }
}

struct World {
    relay: RelayEvents<MemoryBus, MemoryDeadLetters, ManualClock>,
    bus: MemoryBus,
    letters: MemoryDeadLetters,
}

fn world() -> World {
    let (bus, letters) = (MemoryBus::default(), MemoryDeadLetters::default());
    let clock = ManualClock::at(Timestamp::from_millis(1_000));
    let relay = RelayEvents::new(bus.clone(), letters.clone(), Sealer::new(KEY), clock);
    World {
        relay,
        bus,
        letters,
    }
}

impl World {
    /// Delivers the records again from where the relay says it got, as the platform does.
    async fn deliver(&self, commits: &[Commit]) {
        let mut from = 0;
        for _ in 0..100 {
            let records: Vec<_> = (from..commits.len())
                .map(|index| record_of_commit(&commits[index], &index.to_string()))
                .collect();
            // Far away: the clock of the test runs only while the relay waits.
            let deadline = Timestamp::from_millis(1_000_000_000);
            let answer = self
                .relay
                .handle(json!({ "Records": records }), deadline, true)
                .await;
            let answer = answer.expect("a partial answer");
            match answer["batchItemFailures"][0]["itemIdentifier"].as_str() {
                Some(index) => from = index.parse().expect("an index"),
                None => return,
            }
        }
        panic!("the relay never gets through");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails, every event is published, each under its own seal, and those of a stream
    /// first appear in order if nothing failed.
    #[test]
    fn every_event_is_published_under_any_mask_of_failures(
        sizes in prop::collection::vec((0usize..3, 1usize..25), 1..12),
        mask in prop::collection::vec(any::<bool>(), 0..200),
    ) {
        let mut next = [1u64; 3];
        let commits: Vec<_> = sizes.iter().map(|(stream, events)| {
            let version = next[*stream];
            next[*stream] += *events as u64;
            commit(*stream, version, *events)
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let world = world();
        let mut fails = mask.clone().into_iter();
        world.bus.fail_with(move |_| {
            let failed = fails.next().unwrap_or(false);
            failed.then(|| PublishError::Transient("ThrottlingException".to_owned()))
        });
        runtime.block_on(world.deliver(&commits));
        let published = world.bus.published();
        for expected in commits.iter().flat_map(Commit::envelopes) {
            prop_assert!(published.iter().any(|event| event.event_id == expected.event_id));
        }
        for event in &published {
            prop_assert!(Sealer::new(KEY).verify(event).is_ok());
        }
        prop_assert!(world.letters.letters().is_empty());
        if !mask.contains(&true) {
            let expected: Vec<_> = commits.iter().flat_map(Commit::envelopes).map(|e| e.event_id).collect();
            let order: Vec<_> = published.into_iter().map(|event| event.event_id).collect();
            prop_assert_eq!(order, expected, "each once, in the order of the stream");
        }
    }
}

#[tokio::test]
async fn a_refused_event_is_a_dead_letter_and_the_others_are_published() {
    let world = world();
    world.bus.fail_with(|event| {
        let refused = event.version == Version::new(2);
        refused.then(|| PublishError::Refused("MalformedDetail".to_owned()))
    });
    world.deliver(&[commit(0, 1, 3)]).await;
    let versions: Vec<_> = world
        .bus
        .published()
        .iter()
        .map(|event| event.version.get())
        .collect();
    assert_eq!(versions, [1, 3]);
    let letters = world.letters.letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains("MalformedDetail"));
    assert_eq!(letters[0].event["detail"]["version"], 2);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_dead_letter_and_does_not_stop_the_shard() {
    let world = world();
    let mut broken = record_of_commit(&commit(0, 1, 1), "0");
    broken["dynamodb"]["NewImage"]["e"]["B"] = json!("e30=");
    let records = json!({ "Records": [broken, record_of_commit(&commit(1, 1, 1), "1")] });
    let deadline = Timestamp::from_millis(60_000);
    let answer = world
        .relay
        .handle(records, deadline, true)
        .await
        .expect("partial");
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(world.bus.published().len(), 1);
    assert!(
        world.letters.letters()[0]
            .reason
            .contains("Order#0 version 1")
    );
}

#[tokio::test]
async fn events_whose_data_are_elsewhere_are_a_dead_letter_that_says_what_to_do() {
    let world = world();
    let pointing = Commit {
        payload: Some("commits/Order/0/1-0123".to_owned()),
        ..commit(0, 1, 2)
    };
    world.deliver(&[pointing, commit(1, 1, 1)]).await;
    let streams: Vec<_> = world
        .bus
        .published()
        .into_iter()
        .map(|event| event.aggregate_id)
        .collect();
    assert_eq!(streams, ["1"], "nothing without its data");
    let letters = world.letters.letters();
    assert_eq!(letters.len(), 1);
    for part in ["Order#0", "commits/Order/0/1-0123", "fetch_data"] {
        assert!(letters[0].reason.contains(part), "{}", letters[0].reason);
    }
}

/// A queue that takes nothing.
#[derive(Clone)]
struct FullQueue;

impl DeadLetters for FullQueue {
    async fn send(&self, _: &DeadLetter) -> Result<(), Unavailable> {
        Err(Unavailable::new("sqs:SendMessage", "throttled"))
    }
}

#[tokio::test]
async fn a_row_that_can_be_neither_read_nor_buried_stops_the_batch_there_and_loses_nothing() {
    let bus = MemoryBus::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_000));
    let relay = RelayEvents::new(bus.clone(), FullQueue, Sealer::new(KEY), clock);
    let mut broken = record_of_commit(&commit(1, 1, 1), "1");
    broken["dynamodb"]["NewImage"]["e"]["B"] = json!("e30=");
    let records = [
        record_of_commit(&commit(0, 1, 1), "0"),
        broken,
        record_of_commit(&commit(2, 1, 1), "2"),
    ];
    let deadline = Timestamp::from_millis(60_000);
    let answer = relay
        .handle(json!({ "Records": records }), deadline, true)
        .await;
    let answer = answer.expect("partial");
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "1");
    let streams: Vec<_> = bus
        .published()
        .into_iter()
        .map(|event| event.aggregate_id)
        .collect();
    assert_eq!(streams, ["0"], "what the platform takes for done is done");
}

#[tokio::test]
async fn where_partial_answers_are_not_understood_the_whole_batch_fails() {
    let world = world();
    world
        .bus
        .fail_with(|_| Some(PublishError::Transient("InternalFailure".to_owned())));
    let records = json!({ "Records": [record_of_commit(&commit(0, 1, 1), "0")] });
    let deadline = Timestamp::from_millis(60_000);
    assert!(
        world
            .relay
            .handle(records.clone(), deadline, false)
            .await
            .is_err()
    );
    let answer = world
        .relay
        .handle(records, deadline, true)
        .await
        .expect("partial");
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "0");
}

#[tokio::test]
async fn it_stops_in_time_to_say_how_far_it_got() {
    let world = world();
    world
        .bus
        .fail_with(|_| Some(PublishError::Transient("InternalFailure".to_owned())));
    let deadline = Timestamp::from_millis(1_500);
    let records = json!({ "Records": [record_of_commit(&commit(0, 1, 1), "0")] });
    world
        .relay
        .handle(records, deadline, true)
        .await
        .expect("partial");
    assert!(world.relay.clock.now() < deadline);
}
