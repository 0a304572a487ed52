//! Cases about reading a stream.

use envelope::{StreamId, Version};
use ports::{Consistency, SystemClock};

use super::appending::commit_of;
use super::tally::{Added, State, Tally, fresh_id, fresh_stream};
use crate::{AppendAll, Carried, Commit, Decider, Load, Loaded, Recent};

const BOTH: [Consistency; 2] = [Consistency::Eventual, Consistency::Strong];

/// Stores commits of these sizes, one after the other, without states.
async fn append_commits<S: AppendAll>(
    store: &S,
    stream: &StreamId,
    commits: &[Vec<Added>],
) -> Vec<Commit> {
    let mut stored: Vec<Commit> = Vec::new();
    for events in commits {
        let head = stored.last().map_or(0, |commit| commit.last().get());
        let commit = commit_of(stream, head, events);
        store.append(&commit).await.expect("the place is free");
        stored.push(commit);
    }
    stored
}

/// Not an error: it is how every stream begins.
pub async fn a_stream_that_does_not_exist_is_empty<S: Load + AppendAll>(store: S) {
    for consistency in BOTH {
        let stream = fresh_stream();
        assert_eq!(
            store
                .load(&stream, 1, Version::MAX, consistency)
                .await
                .expect("readable"),
            Loaded::default()
        );
        assert_eq!(
            store
                .read(&stream, Version::ZERO, Version::MAX, consistency)
                .await
                .expect("readable"),
            []
        );
    }
}

/// DynamoDB ends a page at 1 MB.
pub async fn a_stream_over_a_megabyte_is_read_whole<S: Load + AppendAll>(store: S) {
    let stream = fresh_stream();
    let events = vec![vec![Added::amount(1).padded(100 * 1024)]; 23];
    let stored = append_commits(&store, &stream, &events).await;
    assert!(stored.iter().map(Commit::item_bytes).sum::<usize>() > 2 * 1024 * 1024);
    let read = store
        .read(&stream, Version::new(1), Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    assert!(read == stored, "every page is read, in order");
    let loaded = store
        .load(&stream, 1, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    assert!(
        loaded.commits == stored,
        "a load without a state is the whole stream"
    );
    let decider = Decider::<Tally, _, _>::new(store, SystemClock);
    let folded = decider
        .load(stream.aggregate_id(), Consistency::Strong)
        .await
        .expect("foldable");
    assert_eq!((folded.state.sum, folded.version), (23, Version::new(23)));
}

/// Also when that version is in the middle of a commit.
pub async fn reading_starts_with_the_commit_that_holds_the_version<S: Load + AppendAll>(store: S) {
    let stream = fresh_stream();
    let sizes = [1, 5, 1, 3];
    let events = sizes.map(|size| vec![Added::amount(1); size]);
    let stored = append_commits(&store, &stream, &events).await;
    let holding = [
        (0, 0),
        (1, 0),
        (2, 1),
        (4, 1),
        (6, 1),
        (7, 2),
        (8, 3),
        (10, 3),
        (11, 4),
        (99, 4),
    ];
    for (from, index) in holding {
        let read = store
            .read(
                &stream,
                Version::new(from),
                Version::MAX,
                Consistency::Strong,
            )
            .await;
        assert_eq!(
            read.expect("readable"),
            stored[index..],
            "from version {from}"
        );
    }
}

/// No stream is a prefix of another, neither by type nor by id nor by number.
pub async fn streams_with_similar_names_stay_apart<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let names = [
        ("Tally", id.clone()),
        ("Tally", format!("{id}0")),
        ("Tall", id.clone()),
        ("tally", id),
    ];
    for (kind, id) in &names {
        let stream = StreamId::new(*kind, id).expect("an id");
        append_commits(&store, &stream, &[vec![Added::amount(1)]]).await;
    }
    for (kind, id) in &names {
        let stream = StreamId::new(*kind, id).expect("an id");
        let read = store
            .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
            .await
            .expect("readable");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].stream, stream);
    }
}

/// Stores `before` commits, one that carries `state` under layout 1, and `after` commits.
async fn append_around_a_state<S: AppendAll>(
    store: &S,
    (before, after): (usize, usize),
    state: &[u8],
) -> (StreamId, Vec<Commit>) {
    let stream = fresh_stream();
    let mut stored = append_commits(store, &stream, &vec![vec![Added::amount(1)]; before]).await;
    let head = |stored: &[Commit]| {
        stored
            .last()
            .map_or(0, |commit: &Commit| commit.last().get())
    };
    let mut carrying = commit_of(
        &stream,
        head(&stored),
        &[Added::amount(10), Added::amount(10)],
    );
    carrying.carried = Some(Carried {
        layout: 1,
        state: state.to_vec(),
        recent: Recent::default(),
    });
    store.append(&carrying).await.expect("the place is free");
    stored.push(carrying);
    for _ in 0..after {
        let commit = commit_of(&stream, head(&stored), &[Added::amount(100)]);
        store.append(&commit).await.expect("the place is free");
        stored.push(commit);
    }
    (stream, stored)
}

/// Wherever it is: in the newest commit, in the next one, or far behind several pages of tail.
pub async fn a_load_stops_at_the_newest_carried_state<S: Load + AppendAll>(store: S) {
    for (before, after) in [(0, 0), (3, 0), (3, 1), (3, 3), (3, 4), (3, 30)] {
        let (stream, stored) = append_around_a_state(&store, (before, after), b"{}").await;
        for consistency in BOTH {
            let loaded = store
                .load(&stream, 1, Version::MAX, consistency)
                .await
                .expect("readable");
            assert_eq!(
                loaded.commits,
                stored[before..],
                "{after} commits behind the state"
            );
        }
    }
}

/// The state of another layout is not misread: everything behind it counts again.
pub async fn an_outdated_snapshot_is_ignored_and_folded_anew<S: Load + AppendAll>(store: S) {
    let state = serde_json::to_vec(&State {
        sum: 23,
        events: 5,
        ..State::default()
    })
    .expect("JSON");
    let (stream, stored) = append_around_a_state(&store, (3, 2), &state).await;
    let loaded = store
        .load(&stream, 2, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    assert_eq!(
        loaded.commits, stored,
        "no state of this layout: the whole stream"
    );
    let id = stream.aggregate_id();
    let current = Decider::<Tally<1>, _, _>::new(store.clone(), SystemClock);
    let folded = current
        .load(id, Consistency::Strong)
        .await
        .expect("foldable");
    assert_eq!((folded.state.sum, folded.state.events), (223, 7));
    let changed = Decider::<Tally<2>, _, _>::new(store, SystemClock);
    let folded = changed
        .load(id, Consistency::Strong)
        .await
        .expect("foldable");
    assert_eq!((folded.state.sum, folded.state.events), (446, 7));
}

/// A broken shortcut past the events is no reason to lose them.
pub async fn a_snapshot_that_cannot_be_read_is_folded_anew<S: Load + AppendAll>(store: S) {
    for after in [0, 2] {
        let (stream, _) = append_around_a_state(&store, (3, after), b"{\"sum\":\"many\"").await;
        for consistency in BOTH {
            let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
            let folded = decider
                .load(stream.aggregate_id(), consistency)
                .await
                .expect("foldable");
            assert_eq!(folded.state.sum, 23 + 100 * after as u64);
        }
    }
}
