//! One stream, processes of either release that work on it, and what other releases wrote to it.

use envelope::{Aggregate, Cause, CommandId, StreamId, Timestamp, UnreadableEvent, Version};
use event_store::{
    Append, Commit, Decider, Executed, Load, LoadError, Memory, Recorded, UnreadableHistory,
};
use ports::{Consistency, ManualClock};
use serde_json::{Value, json};
use testkit::Faulty;

use crate::domain::{Account, Ask, Balance, New, Release};

pub(crate) const ID: &str = "one";

pub(crate) type Store = Faulty<Memory>;

pub(crate) fn store() -> Store {
    Faulty::new(Memory::default())
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_000))
}

/// A process of this release that has seen nothing yet.
pub(crate) fn process<R: Release>(store: &Store) -> Decider<Account<R>, Store, ManualClock> {
    Decider::new(store.clone(), clock())
}

pub(crate) fn stream() -> StreamId {
    Account::<New>::stream(ID).expect("an id")
}

pub(crate) fn cause(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("an id"))
}

pub(crate) async fn ask<R: Release>(
    decider: &Decider<Account<R>, Store, ManualClock>,
    id: &str,
    ask: Ask,
) -> Executed<Balance> {
    let executed = decider.execute(ID, &cause(id), &ask).await;
    executed.unwrap_or_else(|error| panic!("{id}: {error}"))
}

pub(crate) async fn stored(store: &Store) -> Vec<Commit> {
    let all = store
        .read(&stream(), Version::ZERO, Version::MAX, Consistency::Strong)
        .await;
    all.expect("readable")
}

/// Appends one commit as an earlier (or later) release wrote it, at the time 10 × its version.
pub(crate) async fn wrote(store: &Store, events: &[(&str, u32, Value)]) {
    let head = stored(store)
        .await
        .last()
        .map_or(Version::ZERO, Commit::last);
    let events = events.iter().map(|(kind, schema_version, data)| Recorded {
        event_id: None,
        event_type: (*kind).to_owned(),
        schema_version: *schema_version,
        data: data.clone(),
    });
    let id = format!("wrote-{}", head.next());
    let time = i64::try_from(head.next().get() * 10).expect("small");
    let commit = Commit {
        stream: stream(),
        first: head.next(),
        commit_id: cause(&id).commit_id().clone(),
        time: Timestamp::from_millis(time),
        metadata: cause(&id).metadata(),
        events: events.collect(),
        joined: Vec::new(),
        payload: None,
        carried: None,
    };
    store.append(&commit).await.expect("the place is free");
}

/// Versions 1, 2 and 3, one commit with all of them: sums 1, 3, 6, 16, 36, 66.
pub(crate) async fn wrote_every_version(store: &Store) {
    wrote(store, &[("Paid", 1, json!({"cents": 1}))]).await;
    wrote(store, &[("Paid", 2, json!({"amount": 2}))]).await;
    wrote(
        store,
        &[("Paid", 3, json!({"amount": 3, "currency": "EUR"}))],
    )
    .await;
    let mixed = [
        ("Paid", 3, json!({"amount": 10, "currency": "EUR"})),
        ("Paid", 1, json!({"cents": 20})),
        ("Paid", 2, json!({"amount": 30})),
    ];
    wrote(store, &mixed).await;
}

pub(crate) const SUMS: [i64; 7] = [0, 1, 3, 6, 16, 36, 66];

pub(crate) fn unreadable(error: &LoadError) -> (String, u64, &UnreadableEvent) {
    match error {
        LoadError::History(UnreadableHistory::Event {
            stream,
            version,
            source,
        }) => (stream.clone(), version.get(), source),
        other => panic!("not an unreadable event: {other}"),
    }
}
