//! Whatever a stream is made of, its past is the fold of what had happened by then.
//!
//! The commits are stored as they are generated, not by a decider: what rides where, under which
//! layout and whether it can be read is chosen at random, and so is the snapshot beside them.

use envelope::{Aggregate, Cause, CommandId, Envelope, Event, EventData, Timestamp, Version};
use event_store::contract::{Added, State, Tally};
use event_store::{
    Append, Carried, Commit, Decider, Joined, Memory, Recent, Recorded, SaveSnapshot, Snapshot,
};
use ports::SystemClock;
use proptest::prelude::*;
use testkit::Faulty;

const ID: &str = "one";

/// What rides in a commit.
#[derive(Debug, Clone, Copy)]
enum Rides {
    Nothing,
    State,
    /// The state of another layout.
    Other,
    /// What cannot be read.
    Garbage,
}

#[derive(Debug, Clone)]
struct Shape {
    /// Amounts for each cause that shares the commit.
    parts: Vec<Vec<u64>>,
    later_ms: i64,
    rides: Rides,
}

fn command(number: u64) -> Cause {
    Cause::command(&CommandId::new(format!("command-{number}")).expect("an id"))
}

fn recorded(amount: u64) -> Recorded {
    let added = Added::amount(amount);
    Recorded {
        event_id: None,
        event_type: Added::TYPE.to_owned(),
        schema_version: added.schema_version(),
        data: added.data(),
    }
}

/// The state as this layout has it; every second layout sums up twice.
fn carried(layout: u32, state: &State) -> Carried {
    let sum = state.sum * u64::from(layout);
    let state = State {
        sum,
        ..state.clone()
    };
    Carried {
        layout,
        state: serde_json::to_vec(&state).expect("JSON"),
        recent: Recent::default(),
    }
}

fn commit(head: u64, time: i64, shape: &Shape, state: &mut State) -> Commit {
    let cause = |part: usize| command(head * 10 + part as u64);
    let events: Vec<_> = shape.parts.concat();
    let joined = shape
        .parts
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, part)| Joined {
            events: part.len(),
            commit_id: cause(index).commit_id().clone(),
            metadata: cause(index).metadata(),
        });
    for amount in &events {
        *state = Tally::<1>::evolve(state.clone(), &Added::amount(*amount));
    }
    Commit {
        stream: Tally::<1>::stream(ID).expect("an id"),
        first: Version::new(head + 1),
        commit_id: cause(0).commit_id().clone(),
        time: Timestamp::from_millis(time),
        metadata: cause(0).metadata(),
        events: events.iter().copied().map(recorded).collect(),
        joined: joined.collect(),
        payload: None,
        carried: match shape.rides {
            Rides::Nothing => None,
            Rides::State => Some(carried(1, state)),
            Rides::Other => Some(carried(2, state)),
            Rides::Garbage => {
                let state = b"{\"sum\":".to_vec();
                Some(Carried {
                    state,
                    ..carried(1, &State::default())
                })
            }
        },
    }
}

/// Stores the stream, and a snapshot of this layout behind the commit at `snapshot`.
async fn store_of(shapes: &[Shape], snapshot: (usize, u32)) -> (Memory, Vec<Envelope>) {
    let (store, mut events) = (Memory::default(), Vec::new());
    let (mut head, mut time, mut state) = (0, 1_000, State::default());
    for (index, shape) in shapes.iter().enumerate() {
        time += shape.later_ms;
        let commit = commit(head, time, shape, &mut state);
        head = commit.last().get();
        events.extend(commit.envelopes());
        store.append(&commit).await.expect("the place is free");
        if index == snapshot.0 {
            let snapshot = Snapshot {
                version: commit.last(),
                time: commit.time,
                carried: carried(snapshot.1, &state),
                payload: None,
            };
            let saved = store.save_snapshot(&commit.stream, &snapshot).await;
            assert!(saved.expect("it fits"));
        }
    }
    (store, events)
}

/// The state after each number of events, from none on.
fn states<const L: u32>(events: &[Envelope]) -> Vec<State> {
    let mut states = vec![State::default()];
    for event in events {
        let added = event.read::<Added>().expect("readable");
        let state = states.last().expect("there is a first").clone();
        states.push(Tally::<L>::evolve(state, &added));
    }
    states
}

/// Each look is that of a process which has seen nothing; every third load shows a stale stream.
async fn check<const L: u32>(store: &Memory, events: &[Envelope]) {
    let faulty = Faulty::new(store.clone());
    let past = || Decider::<Tally<L>, _, _>::new(faulty.clone(), SystemClock);
    let states = states::<L>(events);
    for (number, expected) in states.iter().enumerate() {
        if number % 3 == 0 {
            faulty.serve_a_stale_load(number % 4);
        }
        let version = Version::new(number as u64);
        let folded = past().at_version(ID, version).await;
        let folded = folded.expect("foldable").expect("there");
        assert_eq!((&folded.state, folded.version), (expected, version));
        faulty.heal();
    }
    let behind = past()
        .at_version(ID, Version::new(states.len() as u64))
        .await;
    assert!(behind.expect("foldable").is_none());

    let mut times: Vec<_> = events
        .iter()
        .map(|event| event.timestamp.as_millis())
        .collect();
    times.dedup();
    for millis in times
        .into_iter()
        .flat_map(|time| [time - 1, time, time + 1])
    {
        let time = Timestamp::from_millis(millis);
        let folded = past().at_time(ID, time).await.expect("foldable");
        let happened = events.partition_point(|event| event.timestamp <= time);
        assert_eq!(folded.is_some(), happened > 0, "at {millis}");
        let folded = folded.unwrap_or_default();
        let newest = events[..happened].last();
        let time_of_state = newest.map_or(Timestamp::from_millis(0), |event| event.timestamp);
        assert_eq!(folded.time, time_of_state, "at {millis}");
        assert_eq!(
            (&folded.state, folded.version.get()),
            (&states[happened], happened as u64)
        );
        let since = past()
            .between_times(ID, time..=Timestamp::from_millis(i64::MAX))
            .await;
        let before = events.partition_point(|event| event.timestamp < time);
        assert_eq!(since.expect("readable"), events[before..], "since {millis}");
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let size = prop_oneof![6 => 1..3_usize, 1 => 3..20_usize];
    let part = size.prop_flat_map(|size| prop::collection::vec(0..50_u64, size));
    let causes = prop_oneof![4 => Just(1_usize), 1 => 2..5_usize];
    let parts = causes.prop_flat_map(move |causes| prop::collection::vec(part.clone(), causes));
    let later_ms = prop_oneof![1 => Just(0_i64), 3 => 1..5_i64, 1 => 5..1_000_i64];
    let rides = prop_oneof![
        4 => Just(Rides::Nothing),
        3 => Just(Rides::State),
        1 => Just(Rides::Other),
        1 => Just(Rides::Garbage),
    ];
    (parts, later_ms, rides).prop_map(|(parts, later_ms, rides)| Shape {
        parts,
        later_ms,
        rides,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_past_is_the_fold_of_what_had_happened_by_then(
        shapes in prop::collection::vec(shape(), 1..30),
        snapshot in (0..40_usize, 1..3_u32),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (store, events) = store_of(&shapes, snapshot).await;
            check::<1>(&store, &events).await;
            check::<2>(&store, &events).await;
        });
    }
}
