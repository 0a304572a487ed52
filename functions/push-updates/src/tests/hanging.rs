//! Pushes while something never answers, as it is with a broken network: the others get theirs, soon,
//! and nothing comes again because of it.

use super::*;

/// Connections of which those that are called so never take a frame.
#[derive(Clone)]
struct Hanging(MemoryFrames);

impl SendFrame for Hanging {
    async fn send(&self, connection: &str, text: &str) -> Result<(), SendError> {
        if connection.starts_with("hanging") {
            std::future::pending::<()>().await;
        }
        self.0.send(connection, text).await
    }
}

/// A table that finds subscribers and never forgets any.
#[derive(Clone)]
struct Unforgetting(MemoryConnections);

impl FindSubscribers for Unforgetting {
    async fn subscribers(
        &self,
        topic: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<String>, Unavailable> {
        self.0.subscribers(topic, now, max).await
    }
}

impl CloseConnection for Unforgetting {
    async fn close(&self, _: &str) -> Result<(), Unavailable> {
        std::future::pending().await
    }
}

/// Pushes the records in this time, with nothing to try again.
async fn pushed_within<N, F>(
    time: Duration,
    push: PushUpdates<N, F, ManualClock>,
    records: &[Value],
) where
    N: FindSubscribers + CloseConnection,
    F: SendFrame,
{
    let pushed = push.handle(json!({ "Records": records }), true);
    let answer = tokio::time::timeout(time, pushed).await;
    let answer = answer.expect("in time").expect("a partial answer");
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn connections_that_never_answer_keep_the_others_waiting_for_a_moment_only() {
    let world = world();
    for n in 0..CONNECTIONS {
        world.connect(&format!("hanging-{n}"), &["order#o1"]).await;
    }
    world.connect("late", &["order#o1"]).await;
    let frames = Hanging(world.frames.clone());
    let push = PushUpdates::new(world.connections.clone(), frames, world.clock.clone());
    pushed_within(2 * SEND_MAX, push, &[saved("o1", 1, 0)]).await;
    assert_eq!(world.revisions("late"), got(&[("o1", 1)]));
}

#[tokio::test]
async fn a_connection_that_never_answers_is_waited_for_once_for_all_records_of_a_batch() {
    let world = world();
    for id in ["hanging", "here"] {
        world.connect(id, &["customer#cust-1"]).await;
    }
    let orders = 3 * ORDERS;
    let state = |n: usize| saved(&format!("o{:02}", n % orders), 1 + n / orders, n);
    let records: Vec<_> = (0..3 * orders).map(state).collect();
    let frames = Hanging(world.frames.clone());
    let push = PushUpdates::new(world.connections.clone(), frames, world.clock.clone());
    pushed_within(2 * SEND_MAX, push, &records).await;
    let mut reached = world.revisions("here");
    reached.sort();
    let newest = (0..orders).map(|n| (format!("o{n:02}"), 3));
    assert_eq!(reached, newest.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_connection_that_is_gone_and_cannot_be_forgotten_keeps_nobody_waiting_either() {
    let world = world();
    for id in ["gone", "here"] {
        world.connect(id, &["customer#cust-1"]).await;
    }
    let gone = |id: &str| (id == "gone").then_some(SendError::Gone);
    world.frames.fail_with(gone);
    let table = Unforgetting(world.connections.clone());
    let push = PushUpdates::new(table, world.frames.clone(), world.clock.clone());
    pushed_within(2 * SEND_MAX, push, &[saved("o1", 1, 0), saved("o2", 1, 1)]).await;
    assert_eq!(world.revisions("here").len(), 2);
}
