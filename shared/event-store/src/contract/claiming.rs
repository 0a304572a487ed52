//! Cases about commits and states that are too large for an item, through claim checks. Each takes a
//! plain store, so that it can also look at what lies in it, and lose objects.

use std::slice::from_ref;

use envelope::{Cause, StreamId, Version};
use ports::{Consistency, MemoryPayloads, SystemClock};
use serde_json::Value;

use super::appending::commit_of;
use super::snapshots::snapshot;
use super::tally::{Added, Command, State, Tally, fresh_cause, fresh_id, fresh_stream};
use super::transacting::stored;
use crate::{
    Append, AppendAll, AppendAllError, AppendError, Carried, ClaimChecked, Commit, Decider,
    EVENT_BYTES_MAX, ExecuteError, ITEM_BYTES_MAX, Load, LoadError, Loaded, Outcome,
    PAYLOAD_BYTES_MAX, ReadError, Recent, SaveSnapshot, SaveSnapshotError, UnreadableHistory,
};

const KB: usize = 1024;

type Checked<S> = ClaimChecked<S, MemoryPayloads>;

/// The store with objects in memory beside it.
pub fn claim_checked<S>(store: S) -> Checked<S> {
    ClaimChecked::new(store, MemoryPayloads::default())
}

fn both<S: Clone>(store: &S) -> (Checked<S>, MemoryPayloads) {
    let payloads = MemoryPayloads::default();
    (ClaimChecked::new(store.clone(), payloads.clone()), payloads)
}

fn decider<S: Load>(store: &S) -> Decider<Tally, S, SystemClock> {
    Decider::new(store.clone(), SystemClock)
}

/// One event of 410 KB between two small ones.
fn large(amount: u64) -> Vec<Added> {
    let padded = Added::amount(amount).padded(410 * KB);
    vec![Added::amount(1), padded, Added::amount(2)]
}

/// As one commit, however it is read: as a stream, as a state, by another process, as a winner.
pub async fn an_event_of_410_kb_is_stored_and_reads_back<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let stream = fresh_stream();
    let commit = commit_of(&stream, 0, &large(10));
    checked.append(&commit).await.expect("it goes through");
    let next = commit_of(&stream, 3, &[Added::amount(100)]);
    checked.append(&next).await.expect("the place is free");
    assert_eq!(payloads.keys().len(), 1, "only what is too large");
    let both = [commit.clone(), next];
    assert!(stored(&checked, &commit).await == both);
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let until = Version::MAX;
        let loaded = checked.load(&stream, 1, until, consistency).await;
        assert!(loaded.expect("readable").commits == both);
        let id = stream.aggregate_id();
        let folded = decider(&checked).load(id, consistency).await;
        assert_eq!(folded.expect("foldable").state.sum, 113);
    }
    match checked.append(&commit_of(&stream, 0, &large(20))).await {
        Err(AppendError::Conflict(winner)) => assert!(*winner == commit, "the whole winner"),
        other => panic!("a taken place is a conflict, not {other:?}"),
    }
    let there = &stored(&store, &commit).await[0];
    let data = there.events.iter().map(|event| &event.data);
    assert!(data.eq([&Value::Null; 3]), "nothing of it is in the item");
    let pointer = there.payload.as_ref().expect("a pointer");
    assert!(
        payloads.keys().contains(pointer),
        "and all of it is where it says"
    );
}

/// More than fits into any item, and still one commit.
pub async fn a_thousand_events_of_a_kilobyte_in_one_command_are_one_commit<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let (process, id) = (decider(&checked), fresh_id());
    let events = vec![Added::amount(1).padded(KB); 1_000];
    let executed = process
        .execute(&id, &fresh_cause(), &Command::Add(events))
        .await
        .expect("applied");
    assert_eq!(
        (executed.version.get(), executed.events.len()),
        (1_000, 1_000)
    );
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.events, 1_000);
    let stream = StreamId::new("Tally", &id).expect("an id");
    let raw = store.read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
    assert_eq!(raw.await.expect("readable").len(), 1);
    assert_eq!(payloads.keys().len(), 1);
}

/// By the process that is unsure and by one that never saw the first attempt. The object that it
/// has just put tells the commit from any other, so it is not fetched.
pub async fn a_large_commit_whose_answer_was_lost_is_recognised<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let (one, unaware, id) = (decider(&checked), decider(&checked), fresh_id());
    let begin = Command::Add(vec![Added::amount(1)]);
    let begun = one.execute(&id, &fresh_cause(), &begin).await;
    begun.expect("applied");
    let known = unaware.load(&id, Consistency::Strong).await;
    known.expect("foldable");
    let (cause, add) = (fresh_cause(), Command::Add(large(10)));
    let first = one.execute(&id, &cause, &add).await.expect("applied");
    let _ = payloads.take_requests();
    let second = unaware.execute(&id, &cause, &add).await.expect("applied");
    assert_eq!(second.outcome, Outcome::Applied);
    assert!(second.events == first.events && second.state == first.state);
    assert_eq!((payloads.take_requests(), payloads.keys().len()), (1, 1));
    let third = decider(&checked).execute(&id, &cause, &add).await;
    assert_eq!(third.expect("no error").outcome, Outcome::Duplicate);
}

/// The loser decides again on what the winner left, and leaves at most an object.
pub async fn of_two_large_commits_for_one_place_neither_spoils_the_other<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let (one, other, id) = (decider(&checked), decider(&checked), fresh_id());
    for (process, amount) in [(&one, 1), (&other, 10), (&one, 100)] {
        let executed = process
            .execute(&id, &fresh_cause(), &Command::Add(large(amount)))
            .await;
        assert_eq!(executed.expect("applied").outcome, Outcome::Applied);
    }
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 111 + 3 * 3);
    assert!(payloads.keys().len() >= 3);
}

/// Wherever it is met, and never an event without data.
pub async fn an_object_that_is_missing_or_changed_is_corrupt_and_named<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let stream = fresh_stream();
    let before = commit_of(&stream, 0, &[Added::amount(1)]);
    checked.append(&before).await.expect("the place is free");
    let commit = commit_of(&stream, 1, &large(10));
    checked.append(&commit).await.expect("the place is free");
    let key = payloads.keys().remove(0);
    let named = |error: &ReadError, why: &str| {
        let ReadError::Corrupt { version: 2, .. } = error else {
            panic!("not {error:?}");
        };
        let text = error.to_string();
        assert!(text.contains(&stream.to_string()) && text.contains(&key));
        assert!(text.contains(why), "{text}");
    };
    for why in ["is missing", "is not what was stored"] {
        payloads.lose(&key);
        if why != "is missing" {
            let other = b"[null,null,null]".to_vec();
            ports::PutPayload::put(&payloads, &key, other)
                .await
                .expect("put");
        }
        let (until, strong) = (Version::MAX, Consistency::Strong);
        let read = checked.read(&stream, Version::ZERO, until, strong).await;
        named(&read.expect_err("unreadable"), why);
        let loaded = checked.load(&stream, 1, until, strong).await;
        named(&loaded.expect_err("unreadable"), why);
        match decider(&checked).load(stream.aggregate_id(), strong).await {
            Err(LoadError::Read(error)) => named(&error, why),
            other => panic!("no state without the data, not {other:?}"),
        }
        match checked
            .append(&commit_of(&stream, 1, &[Added::amount(5)]))
            .await
        {
            Err(AppendError::Unreadable(error)) => named(&error, why),
            other => panic!("the winner cannot be read, not {other:?}"),
        }
        let lost = commit_of(&stream, 1, &[Added::amount(5)]);
        let free = commit_of(&fresh_stream(), 0, &[Added::amount(5)]);
        match checked.append_all(&[free, lost], None).await {
            Err(AppendAllError::Append(AppendError::Unreadable(error))) => named(&error, why),
            other => panic!("the winner cannot be read, not {other:?}"),
        }
    }
}

/// A process that was not given the objects notices, and folds nothing that is not there.
pub async fn a_store_without_claim_checks_refuses_to_fold_what_lies_elsewhere<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, _) = both(&store);
    let id = fresh_id();
    let add = Command::Add(large(10));
    let added = decider(&checked).execute(&id, &fresh_cause(), &add).await;
    added.expect("applied");
    let elsewhere = |error: LoadError| match error {
        LoadError::History(UnreadableHistory::Elsewhere { stream, version }) => {
            assert_eq!((stream, version), (format!("Tally#{id}"), Version::new(1)));
        }
        other => panic!("not {other:?}"),
    };
    let loaded = decider(&store).load(&id, Consistency::Eventual).await;
    elsewhere(loaded.expect_err("its data are elsewhere"));
    let small = Command::Add(vec![Added::amount(1)]);
    match decider(&store).execute(&id, &fresh_cause(), &small).await {
        Err(ExecuteError::Load(error)) => elsewhere(error),
        other => panic!("nothing is decided on half a state, but {other:?}"),
    }
    let stream = StreamId::new("Tally", &id).expect("an id");
    let raw = store.read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
    for commit in &raw.await.expect("readable") {
        assert!(matches!(
            commit.whole(),
            Err(ReadError::Corrupt { version: 1, .. })
        ));
    }
}

/// It is no part of history, so that it is left out before anything is put aside.
pub async fn a_state_that_makes_a_commit_too_large_does_not_ride<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let padded = Added::amount(1).padded(300 * KB);
    let bare = commit_of(&fresh_stream(), 0, from_ref(&padded));
    let mut carrying = bare.clone();
    carrying.carried = Some(Carried {
        layout: 1,
        state: vec![b'0'; 200 * KB],
        recent: Recent::default(),
    });
    assert!(carrying.item_bytes() > ITEM_BYTES_MAX);
    checked.append(&carrying).await.expect("it goes through");
    assert!(stored(&store, &bare).await == [bare]);
    assert_eq!(payloads.keys(), Vec::<String>::new());
}

/// What could be stored, and never published, is not stored; nor what nobody could hold.
pub async fn what_a_bus_or_a_reader_could_not_take_is_refused<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let stream = fresh_stream();
    let huge = Added::amount(1).padded(EVENT_BYTES_MAX);
    let commit = commit_of(&stream, 0, &[Added::amount(1), huge]);
    match checked.append(&commit).await {
        Err(error @ AppendError::EventTooLarge { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("version 2") && text.contains("a bus takes"),
                "{text}"
            );
        }
        other => panic!("no bus takes it, and the answer is {other:?}"),
    }
    let event = commit_of(&stream, 0, &[Added::amount(1).padded(1)]).envelopes();
    let around = serde_json::to_vec(&event[0]).expect("JSON").len() - 1;
    let largest = Added::amount(1).padded(EVENT_BYTES_MAX - around);
    let largest = commit_of(&stream, 0, &[largest]);
    checked.append(&largest).await.expect("a bus takes it");
    let many = vec![Added::amount(1).padded(900 * KB); 1 + PAYLOAD_BYTES_MAX / (900 * KB)];
    match checked.append(&commit_of(&stream, 1, &many)).await {
        Err(AppendError::TooLarge { bytes, max }) => {
            assert!(bytes > max && max == PAYLOAD_BYTES_MAX);
        }
        other => panic!("it is too large, and the answer is {other:?}"),
    }
    assert!(stored(&store, &commit).await.len() == 1 && payloads.keys().len() == 1);
}

/// One large commit among small ones, and several that fit only one by one.
pub async fn a_transaction_with_large_commits_is_all_or_none<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let small = commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    let huge = commit_of(&fresh_stream(), 0, &large(10));
    let commits = [small.clone(), huge.clone()];
    checked.append_all(&commits, None).await.expect("stored");
    for commit in &commits {
        assert!(stored(&checked, commit).await == from_ref(commit));
    }
    match checked.append_all(&commits, None).await {
        Err(AppendAllError::Conflict(winners)) => assert!(winners == commits, "whole winners"),
        other => panic!("both places are taken, not {other:?}"),
    }
    let free = commit_of(&fresh_stream(), 0, &large(30));
    let lost = commit_of(&huge.stream, 0, &[Added::amount(7)]);
    match checked.append_all(&[free.clone(), lost], None).await {
        Err(AppendAllError::Conflict(winners)) => assert!(winners == from_ref(&huge)),
        other => panic!("one place is taken, not {other:?}"),
    }
    assert_eq!(stored(&store, &free).await, []);
    let before = payloads.keys().len();
    let almost = |_| commit_of(&fresh_stream(), 0, &[Added::amount(1).padded(390 * KB)]);
    let eleven: Vec<_> = (0..11).map(almost).collect();
    checked.append_all(&eleven, None).await.expect("stored");
    for commit in &eleven {
        assert!(stored(&checked, commit).await == from_ref(commit));
    }
    assert_eq!(payloads.keys().len() - before, 1, "one put aside is enough");
    let mut many: Vec<Commit> = (0..100)
        .map(|_| commit_of(&fresh_stream(), 0, &[Added::amount(1)]))
        .collect();
    many.push(commit_of(&fresh_stream(), 0, &large(1)));
    let refused = checked.append_all(&many, None).await;
    assert!(matches!(
        refused,
        Err(AppendAllError::TooMany { actions: 101, .. })
    ));
    assert_eq!(payloads.keys().len() - before, 1, "nothing is put in vain");
}

/// And it can be lost: the events are the truth.
pub async fn a_snapshot_of_a_megabyte_round_trips_and_can_be_lost<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let (checked, payloads) = both(&store);
    let id = fresh_id();
    let many = Command::Add(vec![Added::amount(1).with_ballast(600 * KB); 5]);
    let added = decider(&checked).execute(&id, &fresh_cause(), &many).await;
    assert!(added.expect("applied").snapshot_due);
    let stream = StreamId::new("Tally", &id).expect("an id");
    let large = State {
        sum: 5,
        events: 5,
        ballast: "y".repeat(1_000 * KB),
    };
    let large = snapshot(5, 1, &serde_json::to_vec(&large).expect("JSON"));
    assert!(checked.save_snapshot(&stream, &large).await.expect("saved"));
    let until = Version::MAX;
    let loaded = checked.load(&stream, 1, until, Consistency::Strong).await;
    let expected = Loaded {
        snapshot: Some(large),
        commits: vec![],
    };
    assert!(loaded.expect("readable") == expected);
    let folded = decider(&checked).load(&id, Consistency::Eventual).await;
    assert_eq!(folded.expect("foldable").state.ballast.len(), 1_000 * KB);
    assert!(
        !decider(&checked)
            .save_snapshot(&id)
            .await
            .expect("an answer")
    );

    // Whoever has no access to the objects does not take a snapshot without a state for an empty stream.
    let blind = decider(&store).load(&id, Consistency::Strong).await;
    assert!(matches!(
        blind,
        Err(LoadError::History(UnreadableHistory::Elsewhere { .. }))
    ));

    let keys = payloads.keys();
    let of_snapshots: Vec<_> = keys
        .iter()
        .filter(|key| key.starts_with("snapshots/"))
        .collect();
    assert_eq!(of_snapshots.len(), 1, "{keys:?}");
    payloads.lose(of_snapshots[0]);
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let folded = decider(&checked).load(&id, consistency).await;
        let folded = folded.expect("foldable");
        assert_eq!(
            (folded.state.ballast.len(), folded.version.get()),
            (600 * KB, 5)
        );
    }
    let huge = snapshot(6, 1, &vec![b'x'; PAYLOAD_BYTES_MAX + 1]);
    match checked.save_snapshot(&stream, &huge).await {
        Err(SaveSnapshotError::TooLarge { max, .. }) => assert_eq!(max, PAYLOAD_BYTES_MAX),
        other => panic!("it is too large, and the answer is {other:?}"),
    }
}

/// What goes into items goes there, and no object is asked for.
pub async fn what_fits_into_items_never_asks_for_an_object<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let (checked, payloads) = both(&store);
    let (one, other, id) = (decider(&checked), decider(&checked), fresh_id());
    let add = Command::Add(vec![Added::amount(1).padded(310).with_ballast(40 * KB)]);
    for process in [&one, &other, &one] {
        let cause: Cause = fresh_cause();
        let executed = process.execute(&id, &cause, &add).await.expect("applied");
        if executed.snapshot_due {
            process.save_snapshot(&id).await.expect("an answer");
        }
    }
    let pair = [0, 1].map(|_| commit_of(&fresh_stream(), 0, &[Added::amount(1)]));
    checked.append_all(&pair, None).await.expect("stored");
    let again = checked.append_all(&pair, None).await;
    assert!(matches!(again, Err(AppendAllError::Conflict(_))));
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.events, 3);
    assert_eq!(payloads.take_requests(), 0);
}
