//! Cases about claim checks and limits: what need not be put aside, what cannot be, and what is put
//! aside although it fits by itself; and states.

use std::slice::from_ref;

use envelope::{Cause, StreamId, Version};
use ports::Consistency;

use super::appending::commit_of;
use super::claiming::{KB, both, decider, large};
use super::snapshots::snapshot;
use super::tally::{Added, Command, State, fresh_cause, fresh_id, fresh_stream};
use super::transacting::stored;
use crate::{
    Append, AppendAll, AppendAllError, AppendError, Carried, Commit, EVENT_BYTES_MAX,
    ITEM_BYTES_MAX, Load, LoadError, Loaded, PAYLOAD_BYTES_MAX, Recent, SaveSnapshot,
    SaveSnapshotError, UnreadableHistory,
};

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
