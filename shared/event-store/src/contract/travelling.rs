//! Cases about the past of a stream.
//!
//! The streams are stored commit by commit, not by a decider, so that they have what a decider makes
//! only now and then: states of several layouts, states that cannot be read, equal times.

use envelope::{Envelope, StreamId, Timestamp, Version};
use ports::{Clock, Consistency, ManualClock, SystemClock};

use super::appending::commit_of;
use super::tally::{Added, Command, State, Tally, fresh_cause, fresh_id, fresh_stream};
use crate::{AppendAll, Carried, Commit, Decider, Load, LoadError, Recent, UnreadableHistory};

type Past<S> = Decider<Tally, S, SystemClock>;

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Stores a commit of each size with each time. Every third one carries its state; some of these
/// have another layout, and some cannot be read. Some are shared by two causes.
async fn append_history<S: AppendAll>(
    store: &S,
    shape: &[(usize, i64)],
) -> (StreamId, Vec<Commit>) {
    let stream = fresh_stream();
    let (mut stored, mut state) = (Vec::<Commit>::new(), State::default());
    for (index, (size, time)) in shape.iter().enumerate() {
        let head = stored.last().map_or(0, |commit| commit.last().get());
        let events: Vec<_> = (0..*size)
            .map(|n| Added::amount(head + n as u64 + 1))
            .collect();
        state = events
            .iter()
            .fold(state, <Tally as envelope::Aggregate>::evolve);
        let mut commit = commit_of(&stream, head, &events[..events.len().div_ceil(2)]);
        if *size > 1 {
            let next = commit.last().get();
            commit.join(commit_of(
                &stream,
                next,
                &events[events.len().div_ceil(2)..],
            ));
        }
        commit.time = moment(*time);
        if index % 3 == 2 {
            let json = serde_json::to_vec(&state).expect("JSON");
            let (layout, state) = match index % 5 {
                0 => (2, b"{\"sum\":0}".to_vec()),
                1 => (1, b"{\"sum\":".to_vec()),
                _ => (1, json),
            };
            let recent = Recent::default();
            commit.carried = Some(Carried {
                layout,
                state,
                recent,
            });
        }
        store.append(&commit).await.expect("the place is free");
        stored.push(commit);
    }
    (stream, stored)
}

fn fold(commits: &[Commit], takes: impl Fn(&Envelope) -> bool) -> State {
    let events = commits.iter().flat_map(Commit::envelopes).filter(takes);
    let events = events.map(|event| event.decode::<Added>().expect("readable"));
    events.fold(State::default(), |state, event| {
        <Tally as envelope::Aggregate>::evolve(state, &event)
    })
}

/// In the middle of commits, too, and with equal times.
pub async fn the_state_at_each_version_and_each_moment_is_the_fold_of_the_events_up_to_it<S>(
    store: S,
) where
    S: Load + AppendAll,
{
    let sizes = [1, 3, 1, 1, 26, 1, 2, 1, 5, 1, 1, 7];
    let shape: Vec<_> = (0..24)
        .map(|n| (sizes[n % 12], 1_000 + (n as i64 / 2) * 10))
        .collect();
    let (stream, stored) = append_history(&store, &shape).await;
    let (id, last) = (stream.aggregate_id(), stored.last().expect("some").last());
    let past = Past::new(store, SystemClock);
    for version in 0..=last.get() {
        let version = Version::new(version);
        let folded = past.at_version(id, version).await.expect("foldable");
        let folded = folded.expect("the stream has got that far");
        let expected = fold(&stored, |event| event.version <= version);
        assert_eq!((folded.state, folded.version), (expected, version));
        let holding = stored.iter().find(|commit| commit.last() >= version);
        let time = holding
            .filter(|_| version > Version::ZERO)
            .map_or(moment(0), |c| c.time);
        assert_eq!(folded.time, time, "time at version {version}");
    }
    for version in [last.next(), last.plus(1_000), Version::MAX] {
        let folded = past.at_version(id, version).await.expect("foldable");
        assert!(
            folded.is_none(),
            "the stream ends at {last}, before {version}"
        );
    }
    for time in (990..1_130)
        .step_by(5)
        .map(moment)
        .chain([moment(0), moment(i64::MAX)])
    {
        let folded = past.at_time(id, time).await.expect("foldable");
        let expected = fold(&stored, |event| event.timestamp <= time);
        let (state, version) = folded
            .map(|folded| (folded.state, folded.version.get()))
            .unwrap_or_default();
        assert_eq!((&state, version), (&expected, expected.events), "at {time}");
    }
}

/// Neither by version nor by time.
pub async fn a_snapshot_newer_than_the_version_is_not_used<S>(store: S)
where
    S: Load + AppendAll + crate::SaveSnapshot,
{
    let shape: Vec<_> = (1..=20).map(|n| (2, n * 10)).collect();
    let (stream, stored) = append_history(&store, &shape).await;
    let id = stream.aggregate_id();
    for at in [20, 40] {
        let snapshot = crate::Snapshot {
            version: Version::new(at),
            time: stored[usize::try_from(at).expect("small") / 2 - 1].time,
            carried: Carried {
                layout: 1,
                state: b"{\"sum\":7000,\"events\":7000}".to_vec(),
                recent: Recent::default(),
            },
            payload: None,
        };
        assert!(
            store
                .save_snapshot(&stream, &snapshot)
                .await
                .expect("saved")
        );
        let past = Past::new(store.clone(), SystemClock);
        for version in 1..at {
            let folded = past
                .at_version(id, Version::new(version))
                .await
                .expect("foldable");
            assert_eq!(folded.expect("there").state.events, version);
        }
        for commit in stored.iter().filter(|commit| commit.last().get() < at) {
            let folded = past
                .at_time(id, commit.time)
                .await
                .expect("foldable")
                .expect("there");
            assert_eq!(folded.state.events, commit.last().get());
        }
    }
}

/// Two machines, one of them slow: what it writes is not older than what it writes on top of.
pub async fn times_never_go_back_even_if_the_clock_does<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let clocks = [5_000, 3_000, 9_000, 1].map(|millis| ManualClock::at(moment(millis)));
    let process = |clock: &ManualClock| Decider::<Tally, _, _>::new(store.clone(), clock.clone());
    for clock in clocks.iter().chain(&clocks) {
        let add = Command::Add(vec![Added::amount(1)]);
        let added = process(clock)
            .execute(&id, &fresh_cause(), &add)
            .await
            .expect("applied");
        assert!(
            added
                .events()
                .iter()
                .all(|event| event.timestamp >= clock.now())
        );
    }
    let stream = <Tally as envelope::Aggregate>::stream(&id).expect("an id");
    let read = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await;
    let times: Vec<_> = read
        .expect("readable")
        .iter()
        .map(|commit| commit.time.as_millis())
        .collect();
    assert_eq!(
        times,
        [5_000, 5_000, 9_000, 9_000, 9_000, 9_000, 9_000, 9_000]
    );
    for (millis, events) in [
        (4_999, None),
        (5_000, Some(2)),
        (8_999, Some(2)),
        (9_000, Some(8)),
    ] {
        let folded = process(&clocks[0])
            .at_time(&id, moment(millis))
            .await
            .expect("foldable");
        assert_eq!(
            folded.map(|folded| folded.state.events),
            events,
            "at {millis}"
        );
    }
}

/// A stream that something else wrote: the answer is a commit that is not later, and the one behind
/// it is later; and it is the same each time.
pub async fn times_that_go_back_all_the_same_have_a_definite_answer<S: Load + AppendAll>(store: S) {
    let times = [
        50, 10, 90, 20, 20, 70, 30, 80, 10, 60, 99, 5, 40, 95, 15, 85, 25, 75, 35, 65,
    ];
    let (stream, stored) = append_history(&store, &times.map(|time| (2, time))).await;
    for time in 0..101 {
        let found = async || {
            let past = Past::new(store.clone(), SystemClock);
            let folded = past
                .at_time(stream.aggregate_id(), moment(time))
                .await
                .expect("foldable");
            folded.map_or(0, |folded| folded.state.events)
        };
        let events = found().await;
        let commits = usize::try_from(events / 2).expect("small");
        assert_eq!(events % 2, 0, "whole commits");
        assert!(
            commits == 0 || stored[commits - 1].time <= moment(time),
            "at {time}"
        );
        assert!(
            commits == stored.len() || stored[commits].time > moment(time),
            "at {time}"
        );
        assert_eq!(found().await, events, "at {time}");
    }
}

/// From the middle of one commit to the middle of another, over several pages; and none is left out
/// in silence.
pub async fn the_events_between_two_points_are_all_there_and_in_order<S: Load + AppendAll>(
    store: S,
) {
    let stream = fresh_stream();
    let mut stored = Vec::new();
    for number in 0..30_u64 {
        let events = vec![Added::amount(number).padded(30 * 1024); 3];
        let mut commit = commit_of(&stream, number * 3, &events);
        commit.time = moment(1_000 + i64::try_from(number).expect("small"));
        store.append(&commit).await.expect("the place is free");
        stored.push(commit);
    }
    let all: Vec<_> = stored.iter().flat_map(Commit::envelopes).collect();
    let (id, past) = (stream.aggregate_id(), Past::new(store.clone(), SystemClock));
    for (from, to) in [
        (0, 0),
        (0, 1),
        (1, 90),
        (2, 89),
        (5, 5),
        (88, 900),
        (91, 99),
        (0, u64::MAX),
    ] {
        let found = past
            .between(id, Version::new(from)..=Version::new(to))
            .await
            .expect("readable");
        let expected = all
            .iter()
            .filter(|event| (from..=to).contains(&event.version.get()));
        assert!(found.iter().eq(expected), "events {from} to {to}");
    }
    for (from, to) in [
        (0, 999),
        (0, 1_000),
        (999, 1_003),
        (1_010, 1_020),
        (1_029, 9_999),
        (2_000, 9_999),
    ] {
        let found = past
            .between_times(id, moment(from)..=moment(to))
            .await
            .expect("readable");
        let expected = all
            .iter()
            .filter(|event| (from..=to).contains(&event.timestamp.as_millis()));
        assert!(found.iter().eq(expected), "events of {from} to {to}");
    }
    let backwards = Version::new(9)..=Version::new(3);
    assert_eq!(past.between(id, backwards).await.expect("readable"), []);

    let torn = fresh_stream();
    for head in [0, 1, 3] {
        let commit = commit_of(&torn, head, &[Added::amount(1)]);
        store.append(&commit).await.expect("the place is free");
    }
    for from in [1, 3] {
        let range = Version::new(from)..=Version::new(4);
        let found = past.between(torn.aggregate_id(), range).await;
        let hole =
            |error: &LoadError| matches!(error, LoadError::History(UnreadableHistory::Hole { .. }));
        assert!(found.as_ref().is_err_and(hole), "from {from}: {found:?}");
    }
}
