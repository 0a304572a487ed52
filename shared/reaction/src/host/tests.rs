//! The host over in-memory ports: what is handled, handed back, given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use envelope::{Cause, CommandId, CommitId, Envelope, Sealer, StreamId, Version};
use ports::{ManualClock, MemoryDeadLetters, MemoryRedeliveries};

use super::*;
use crate::{React, Verified};

const KEY: &[u8] = b"the stack's secret";

/// Does what the event's data says.
#[derive(Clone, Default)]
struct Obedient(Arc<AtomicU32>);

impl React for Obedient {
    const NAME: &'static str = "obedient";

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(
            cause.metadata().correlation_id,
            event.metadata.correlation_id
        );
        match event.data.as_str() {
            Some("refuse") => Err(Failure::terminal("against the rules")),
            Some("fail") => Err(Failure::transient(std::io::Error::other(
                "connection reset",
            ))),
            Some("hang") => std::future::pending().await,
            _ => Ok(Done::Handled),
        }
    }
}

struct World {
    host: Host<Verified<Obedient>, MemoryRedeliveries, MemoryDeadLetters, ManualClock>,
    queue: MemoryRedeliveries,
    letters: MemoryDeadLetters,
    reaction: Obedient,
}

fn world() -> World {
    let (letters, reaction) = (MemoryDeadLetters::default(), Obedient::default());
    let queue = MemoryRedeliveries::default();
    let verified = Verified::new(reaction.clone(), Sealer::new(KEY));
    let clock = ManualClock::at(Timestamp::from_millis(1_000));
    World {
        host: Host::new(verified, queue.clone(), letters.clone(), clock, 3),
        queue,
        letters,
        reaction,
    }
}

fn event(told: &str) -> Value {
    let cause = Cause::command(&CommandId::new(format!("command-{told}")).expect("valid"));
    let stream = StreamId::new("Order", "1").expect("valid");
    let mut envelope = Envelope {
        event_id: CommitId::from_stored(told.to_owned()).event_id(&stream, 0),
        event_type: "OrderPlaced".into(),
        schema_version: 1,
        timestamp: Timestamp::from_millis(0),
        aggregate_type: "Order".into(),
        aggregate_id: "1".into(),
        version: Version::new(1),
        data: told.into(),
        metadata: cause.metadata(),
    };
    Sealer::new(KEY).seal(&mut envelope);
    json!({"source": "event-router", "detail-type": "OrderPlaced", "detail": envelope})
}

fn record(id: &str, body: &str, attempt: u32) -> Value {
    json!({"messageId": id, "receiptHandle": format!("receipt-{id}"), "body": body, "eventSource": "aws:sqs",
           "attributes": {"ApproximateReceiveCount": attempt.to_string()}})
}

async fn deliver(world: &World, records: Vec<Value>) -> Vec<String> {
    let deadline = Timestamp::from_millis(1_000 + 3_100);
    let answer = world
        .host
        .handle(json!({"Records": records}), deadline)
        .await
        .expect("a batch never fails");
    let failures = answer["batchItemFailures"]
        .as_array()
        .expect("a list")
        .iter();
    let mut ids: Vec<_> = failures
        .filter_map(|f| f["itemIdentifier"].as_str().map(str::to_owned))
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn one_bad_message_of_a_batch_does_not_touch_the_others() {
    let world = world();
    let records = vec![
        record("good", &event("do it").to_string(), 1),
        record("refused", &event("refuse").to_string(), 1),
        record("failed", &event("fail").to_string(), 1),
        record("junk", "not { json", 1),
    ];
    assert_eq!(
        deliver(&world, records).await,
        ["failed"],
        "only what may pass comes again"
    );
    let mut letters = world.letters.letters();
    letters.sort_by_key(|letter| letter.event_id.is_none());
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].reason, "against the rules");
    assert_eq!(
        (letters[0].class, letters[0].attempts),
        (Class::Terminal, 1)
    );
    assert_eq!(
        letters[0].event,
        event("refuse"),
        "the event is kept as it came"
    );
    assert_eq!(letters[1].event, json!("not { json"));
}

#[tokio::test]
async fn the_last_attempt_becomes_a_dead_letter_with_its_reason() {
    let world = world();
    for attempt in 1..=2 {
        let body = event("fail").to_string();
        assert_eq!(
            deliver(&world, vec![record("m", &body, attempt)]).await,
            ["m"]
        );
    }
    assert!(world.letters.letters().is_empty());
    assert!(
        deliver(&world, vec![record("m", &event("fail").to_string(), 3)])
            .await
            .is_empty()
    );
    let letter = &world.letters.letters()[0];
    assert_eq!((letter.class, letter.attempts), (Class::Exhausted, 3));
    assert!(
        letter.reason.contains("connection reset"),
        "{}",
        letter.reason
    );
}

#[tokio::test]
async fn a_failed_message_comes_again_later_each_time_and_no_other_is_held_back() {
    let world = world();
    for attempt in 1..=2 {
        let failing = record("failed", &event("fail").to_string(), attempt);
        let healthy = record("good", &event("do it").to_string(), attempt);
        deliver(&world, vec![failing, healthy]).await;
    }
    let requests = world.queue.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(
        requests
            .iter()
            .all(|(receipt, _)| receipt == "receipt-failed")
    );
    assert!(requests[0].1 <= Duration::from_secs(2) && requests[1].1 <= Duration::from_secs(8));
}

#[tokio::test]
async fn a_forged_event_never_reaches_the_reaction() {
    let world = world();
    let mut forged = event("do it");
    forged["detail"]["aggregateId"] = "2".into();
    let mut unsealed = event("do it");
    unsealed["detail"]["metadata"]
        .as_object_mut()
        .expect("an object")
        .remove("seal");
    let records = vec![
        record("a", &forged.to_string(), 1),
        record("b", &unsealed.to_string(), 1),
    ];
    assert!(deliver(&world, records).await.is_empty());
    assert_eq!(world.reaction.0.load(Ordering::SeqCst), 0);
    let letters = world.letters.letters();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.reason.contains("seal")));
}

#[tokio::test]
async fn a_message_that_there_is_no_time_for_is_neither_begun_nor_given_up() {
    let world = world();
    let records = json!({"Records": [record("late", &event("do it").to_string(), 3)]});
    let deadline = Timestamp::from_millis(1_000 + 2_900);
    let answer = world
        .host
        .handle(records, deadline)
        .await
        .expect("a batch never fails");
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "late");
    assert_eq!(world.reaction.0.load(Ordering::SeqCst), 0);
    assert!(world.letters.letters().is_empty());
    assert_eq!(
        world.queue.requests(),
        [("receipt-late".to_owned(), NOT_BEGUN_WAIT)]
    );
}

#[tokio::test]
async fn a_handler_that_hangs_is_stopped_before_the_function_is() {
    let world = world();
    assert_eq!(
        deliver(&world, vec![record("m", &event("hang").to_string(), 1)]).await,
        ["m"]
    );
}

#[tokio::test]
async fn a_bare_event_is_handled_or_fails_the_invocation() {
    let world = world();
    let deadline = Timestamp::from_millis(10_000);
    assert!(world.host.handle(event("do it"), deadline).await.is_ok());
    assert!(
        world.host.handle(event("fail"), deadline).await.is_err(),
        "Lambda delivers it again"
    );
    assert!(
        world.host.handle(event("refuse"), deadline).await.is_ok(),
        "it is a dead letter"
    );
    assert_eq!(world.letters.letters().len(), 1);
}
