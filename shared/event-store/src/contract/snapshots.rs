//! Cases about states that have an item of their own.

use envelope::{StreamId, Timestamp, Version};
use ports::{Consistency, SystemClock};

use super::appending::commit_of;
use super::tally::{Added, Command, State, Tally, fresh_cause, fresh_id, fresh_stream};
use crate::{
    AppendAll, Carried, Commit, Decider, ITEM_BYTES_MAX, Load, Loaded, Outcome, Recent,
    SaveSnapshot, SaveSnapshotError, Snapshot,
};

pub(super) fn snapshot(version: u64, layout: u32, state: &[u8]) -> Snapshot {
    Snapshot {
        version: Version::new(version),
        time: Timestamp::from_millis(1_795_212_345_678),
        carried: Carried {
            layout,
            state: state.to_vec(),
            recent: Recent::from_digests(vec![1, u64::MAX]),
        },
        payload: None,
    }
}

async fn append_commits<S: AppendAll>(store: &S, stream: &StreamId, sizes: &[u64]) -> Vec<Commit> {
    let mut stored: Vec<Commit> = Vec::new();
    for size in sizes {
        let head = stored.last().map_or(0, |commit| commit.last().get());
        let events: Vec<_> = (0..*size).map(Added::amount).collect();
        let commit = commit_of(stream, head, &events);
        store.append(&commit).await.expect("the place is free");
        stored.push(commit);
    }
    stored
}

async fn load<S: Load>(store: &S, stream: &StreamId, layout: u32) -> Loaded {
    let until = Version::MAX;
    let loaded = store
        .load(stream, layout, until, Consistency::Strong)
        .await
        .expect("readable");
    let eventual = store.load(stream, layout, until, Consistency::Eventual);
    assert_eq!(eventual.await.expect("readable"), loaded);
    loaded
}

/// The snapshot and what came after it, however much that is; and nothing of what came before.
pub async fn a_load_starts_from_the_snapshot_beside_the_commits<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    for after in [0, 1, 3, 4, 30] {
        let stream = fresh_stream();
        let mut sizes = vec![2; 20];
        sizes.extend(vec![1; after]);
        let stored = append_commits(&store, &stream, &sizes).await;
        let saved = snapshot(40, 1, b"{}");
        assert!(store.save_snapshot(&stream, &saved).await.expect("saved"));
        let loaded = load(&store, &stream, 1).await;
        assert_eq!(loaded.snapshot.as_ref(), Some(&saved));
        assert_eq!(loaded.commits, stored[20..], "{after} commits behind it");
        let everything = store
            .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
            .await;
        assert_eq!(everything.expect("readable"), stored, "it is no commit");
    }
}

/// Whichever arrives last.
pub async fn an_older_snapshot_never_replaces_a_newer_one<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let stream = fresh_stream();
    append_commits(&store, &stream, &[2; 20]).await;
    let saves = [(10, true), (30, true), (20, false), (30, false), (40, true)];
    let mut newest = 0;
    for (version, replaces) in saves {
        let saved = snapshot(version, 1, b"{}");
        let saved = store.save_snapshot(&stream, &saved).await;
        assert_eq!(saved.expect("an answer"), replaces, "{version}");
        newest = newest.max(version);
        let there = load(&store, &stream, 1).await.snapshot;
        assert_eq!(there.map(|there| there.version.get()), Some(newest));
    }
}

/// It is not misread, does not hide a commit, and gives way to one of the current layout.
pub async fn a_snapshot_of_another_layout_is_ignored_and_replaced<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let stream = fresh_stream();
    let stored = append_commits(&store, &stream, &[2; 20]).await;
    let old = snapshot(40, 1, b"{}");
    assert!(store.save_snapshot(&stream, &old).await.expect("saved"));
    let loaded = load(&store, &stream, 2).await;
    assert_eq!((loaded.snapshot, loaded.commits), (None, stored));
    let new = snapshot(20, 2, b"{}");
    assert!(store.save_snapshot(&stream, &new).await.expect("saved"));
    assert_eq!(load(&store, &stream, 2).await.snapshot, Some(new));
}

/// It is refused with its size, and what was there stays.
pub async fn a_snapshot_over_the_limit_is_refused<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let stream = fresh_stream();
    let large = snapshot(2, 1, &vec![b'x'; ITEM_BYTES_MAX]);
    match store.save_snapshot(&stream, &large).await {
        Err(SaveSnapshotError::TooLarge { bytes, max }) => {
            assert!(bytes > max && max == ITEM_BYTES_MAX);
        }
        other => panic!("no table takes it, and the answer is {other:?}"),
    }
    assert_eq!(load(&store, &stream, 1).await, Loaded::default());
}

/// Also when no commit behind it shows that something is missing.
pub async fn a_saved_snapshot_that_cannot_be_read_is_folded_anew<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    for after in [0, 2] {
        let stream = fresh_stream();
        let mut sizes = vec![2; 10];
        sizes.extend(vec![1; after]);
        append_commits(&store, &stream, &sizes).await;
        let garbled = snapshot(20, 1, b"{\"sum\":");
        assert!(store.save_snapshot(&stream, &garbled).await.expect("saved"));
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let cold = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
            let folded = cold.load(stream.aggregate_id(), consistency).await;
            let events = folded.expect("foldable").state.events;
            assert_eq!(events, 20 + after as u64);
        }
    }
}

/// The command says when it is due, loads start from it, and the tail counts anew.
pub async fn a_state_too_large_to_ride_is_saved_on_its_own<S>(store: S)
where
    S: Load + AppendAll + SaveSnapshot,
{
    let id = fresh_id();
    let decider = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let (warm, behind) = (decider(), decider());
    let first = Command::Add(vec![Added::amount(1).with_ballast(40 * 1024)]);
    let further = Command::Add(vec![Added::amount(1).padded(9_000)]);
    let mut saved = Vec::new();
    for number in 1..=60_u64 {
        // Now and then another process, which has not seen the snapshot being saved.
        let process = if number % 7 == 0 { &behind } else { &warm };
        let command = if number == 1 { &first } else { &further };
        let executed = process.execute(&id, &fresh_cause(), command).await;
        let executed = executed.expect("applied");
        assert_eq!(executed.version.get(), number);
        if executed.snapshot_due && process.save_snapshot(&id).await.expect("an answer") {
            saved.push(number);
        }
    }
    assert!((2..6).contains(&saved.len()), "saved at {saved:?}");
    let stream = StreamId::new("Tally", &id).expect("an id");
    let loaded = load(&store, &stream, 1).await;
    assert!(loaded.commits.iter().all(|commit| commit.carried.is_none()));
    assert!(loaded.commits.len() < 30, "{}", loaded.commits.len());
    let cold = decider().load(&id, Consistency::Strong).await;
    let state: State = cold.expect("foldable").state;
    assert_eq!((state.sum, state.events), (60, 60));
    assert_eq!(state.ballast.len(), 40 * 1024);

    assert!(decider().save_snapshot(&id).await.expect("saved"));
    assert_eq!(load(&store, &stream, 1).await.commits, []);
    let again = decider().save_snapshot(&id).await;
    assert!(!again.expect("an answer"), "there is one as new already");
    // A command is also recognised by a process that knows the snapshot only.
    let cause = fresh_cause();
    for outcome in [Outcome::Applied, Outcome::Duplicate] {
        let process = decider();
        let executed = process.execute(&id, &cause, &further).await;
        assert_eq!(executed.expect("carried out").outcome, outcome);
        process.save_snapshot(&id).await.expect("an answer");
    }
}
