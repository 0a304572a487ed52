//! Cases about one commit.

use std::collections::BTreeMap;

use envelope::{
    Cause, CommandId, CorrelationId, EventId, Metadata, StreamId, Timestamp, Traceparent, Version,
};
use ports::Consistency;
use serde_json::json;

use super::tally::{Added, Tally, fresh_cause, fresh_id, fresh_stream};
use crate::{
    AppendAll, AppendError, Carried, Commit, ITEM_BYTES_MAX, Load, ReadError, Recent, Recorded,
};

/// A commit with these events behind version `head`, made as a decider makes it, without a state.
pub(super) fn commit_of(stream: &StreamId, head: u64, events: &[Added]) -> Commit {
    let moment = Timestamp::from_millis(1_795_212_345_678);
    Commit::new::<Tally>(stream, Version::new(head), &fresh_cause(), moment, events)
}

/// Two writers that saw the same version: the first is stored, the second gets the first.
pub async fn of_two_writers_at_one_version_one_wins_and_the_loser_learns_what_won<S>(store: S)
where
    S: Load + AppendAll,
{
    let stream = fresh_stream();
    let first = commit_of(&stream, 0, &[Added::amount(1), Added::amount(2)]);
    let second = commit_of(&stream, 0, &[Added::amount(3)]);
    store.append(&first).await.expect("the place is free");
    match store.append(&second).await {
        Err(AppendError::Conflict(winner)) => assert_eq!(*winner, first),
        other => panic!("a taken place is a conflict, not {other:?}"),
    }
    let stored = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    assert_eq!(stored, [first], "the loser left nothing behind");
}

/// What a writer meets whose first answer was lost: itself.
pub async fn the_same_commit_again_conflicts_with_itself<S: Load + AppendAll>(store: S) {
    let commit = commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    store.append(&commit).await.expect("the place is free");
    match store.append(&commit).await {
        Err(AppendError::Conflict(winner)) => assert_eq!(*winner, commit),
        other => panic!("the place is taken by the commit itself, not {other:?}"),
    }
}

/// Every field of every shape of commit survives, and so do the envelopes.
pub async fn a_commit_reads_back_as_it_was_stored<S: Load + AppendAll>(store: S) {
    for commit in commits_of_every_shape() {
        store.append(&commit).await.expect("the place is free");
        let stored = store
            .read(
                &commit.stream,
                Version::ZERO,
                Version::MAX,
                Consistency::Strong,
            )
            .await;
        let stored = stored.expect("readable");
        assert_eq!(stored, std::slice::from_ref(&commit));
        assert_eq!(stored[0].envelopes(), commit.envelopes());
        let loaded = store
            .load(&commit.stream, 7, Version::MAX, Consistency::Strong)
            .await
            .expect("readable");
        assert_eq!(loaded.commits, [commit]);
    }
}

fn commits_of_every_shape() -> Vec<Commit> {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let metadata = Metadata {
        correlation_id: CorrelationId::new("story of another system").expect("an id"),
        causation_id: Some("what/came:before ü".to_owned()),
        traceparent: Some(Traceparent::try_from(trace.to_owned()).expect("well formed")),
        hops: 0,
        seal: None,
        extra: BTreeMap::from([
            ("tenant".to_owned(), json!("zürich")),
            (
                "nested".to_owned(),
                json!({"a": [1, 2.5, null, true], "empty": {}}),
            ),
        ]),
    };
    let bare = Metadata {
        causation_id: None,
        traceparent: None,
        extra: BTreeMap::new(),
        ..metadata.clone()
    };
    let own = EventId::new(fresh_id()).expect("an id");
    let cause = |metadata: &Metadata| Cause::inbound(&own, metadata);
    let command = Cause::command(&CommandId::new("place order 17").expect("an id"));
    let started = commit_with(&command, vec![recorded("Begun", 1, json!({}))]);
    let reaction = Cause::reaction(&started.envelopes()[0], "react-to-it").expect("a short story");

    let mut untraced = commit_with(
        &cause(&bare),
        vec![recorded("Told", 1, json!([1, "two", {"three": 3}]))],
    );
    untraced.metadata.traceparent = None;
    let mut given = commit_with(
        &cause(&metadata),
        vec![
            Recorded {
                event_id: Some(own.clone()),
                ..recorded("Told", 3, json!({"text": "\"quoted\"\n\u{1F600}\u{0}"}))
            },
            recorded(
                "Added",
                u32::MAX,
                json!({"big": u64::MAX, "small": i64::MIN, "half": 0.5}),
            ),
        ],
    );
    given.carried = Some(Carried {
        layout: u32::MAX,
        state: vec![0, 159, 255],
        recent: Recent::default(),
    });
    let mut far = commit_with(&reaction, vec![recorded("Reacted", 1, json!(null))]);
    far.carried = Some(Carried {
        layout: 0,
        state: b"{}".to_vec(),
        recent: Recent::from_digests(vec![0, 1, u64::MAX]),
    });
    far.first = Version::new(9_007_199_254_740_993);
    let mut shared = commit_with(&command, vec![recorded("Begun", 1, json!({"by": 1})); 2]);
    let other = |number| CommandId::new(format!("place order {number}")).expect("an id");
    shared.join(commit_with(
        &Cause::command(&other(18)),
        vec![recorded("Begun", 2, json!({"by": 2})); 3],
    ));
    shared.join(untraced.clone());
    shared.join(given.clone());
    shared.join(far.clone());
    vec![started, untraced, given, far, shared]
}

fn commit_with(cause: &Cause, events: Vec<Recorded>) -> Commit {
    Commit {
        events,
        ..Commit::new::<Tally>(
            &fresh_stream(),
            Version::ZERO,
            cause,
            Timestamp::from_millis(1),
            &[],
        )
    }
}

fn recorded(event_type: &str, schema_version: u32, data: serde_json::Value) -> Recorded {
    Recorded {
        event_id: None,
        event_type: event_type.to_owned(),
        schema_version,
        data,
    }
}

/// With its pointer, and without making events of it. (With claim checks the data are fetched.)
pub async fn a_commit_whose_data_are_elsewhere_reads_back_as_it_was_stored<S>(store: S)
where
    S: Load + AppendAll,
{
    let mut commit = commit_with(&fresh_cause(), vec![recorded("Begun", 4, json!(null)); 3]);
    commit.payload = Some("Tally#1/1/digest".to_owned());
    store.append(&commit).await.expect("the place is free");
    let (until, strong) = (Version::MAX, Consistency::Strong);
    let stored = store.read(&commit.stream, Version::ZERO, until, strong);
    let stored = stored.await.expect("readable");
    assert_eq!(stored, std::slice::from_ref(&commit));
    assert!(matches!(stored[0].whole(), Err(ReadError::Corrupt { .. })));
    match store.append(&commit).await {
        Err(AppendError::Conflict(winner)) => assert_eq!(*winner, commit),
        other => panic!("the place is taken by the commit itself, not {other:?}"),
    }
}

/// An item that no table would take is not sent, and the error says why.
pub async fn an_event_of_410_kb_is_refused<S: Load + AppendAll>(store: S) {
    let commit = commit_of(&fresh_stream(), 0, &[Added::amount(1).padded(410 * 1024)]);
    match store.append(&commit).await {
        Err(AppendError::TooLarge {
            bytes,
            max: ITEM_BYTES_MAX,
        }) => {
            assert_eq!(bytes, commit.item_bytes());
        }
        other => panic!("an item of 410 KB is too large, not {other:?}"),
    }
    let stored = store
        .read(
            &commit.stream,
            Version::ZERO,
            Version::MAX,
            Consistency::Strong,
        )
        .await;
    assert_eq!(stored.expect("readable"), []);
}

/// Not cut into several items, of which a reader could see some.
pub async fn a_thousand_events_that_do_not_fit_are_refused<S: Load + AppendAll>(store: S) {
    let stream = fresh_stream();
    let events = vec![Added::amount(1).padded(1024); 1_000];
    match store.append(&commit_of(&stream, 0, &events)).await {
        Err(error @ AppendError::TooLarge { .. }) => {
            let text = error.to_string();
            assert!(text.contains("split the command"), "{text}");
        }
        other => panic!("they do not fit into an item, and the answer is {other:?}"),
    }
    let stored = store.read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
    assert_eq!(stored.await.expect("readable"), []);
}

/// The limit is used up to the last byte of the estimate.
pub async fn a_commit_just_under_the_limit_is_stored<S: Load + AppendAll>(store: S) {
    let stream = fresh_stream();
    let overhead = commit_of(&stream, 0, &[Added::amount(1).padded(1)]).item_bytes() - 1;
    let commit = commit_of(
        &stream,
        0,
        &[Added::amount(1).padded(ITEM_BYTES_MAX - overhead)],
    );
    assert_eq!(commit.item_bytes(), ITEM_BYTES_MAX);
    store.append(&commit).await.expect("it fits");
    let stored = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    assert!(stored == [commit], "it reads back");
}

/// 26 and 100 events pass limits of batches and of transactions; a commit knows neither.
pub async fn many_events_in_one_command_are_one_commit<S: Load + AppendAll>(store: S) {
    for count in [26, 100, 1_000] {
        let stream = fresh_stream();
        let events: Vec<_> = (0..count).map(Added::amount).collect();
        let commit = commit_of(&stream, 0, &events);
        store.append(&commit).await.expect("it fits");
        let stored = store
            .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
            .await
            .expect("readable");
        assert!(stored == [commit], "{count} events read back");
        assert_eq!(stored[0].last(), Version::new(count));
    }
}
