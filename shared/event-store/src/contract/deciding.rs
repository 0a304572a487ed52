//! Cases about commands, run through a decider.

use std::task::Poll;

use envelope::{Aggregate, StreamId, Version};
use futures::future::join_all;
use ports::{Consistency, SystemClock};

use super::tally::{Added, Command, State, Tally, fresh_cause, fresh_id};
use crate::{
    Append, AppendAll, AppendError, Commit, Decider, ExecuteError, Load, Loaded, Outcome, ReadError,
};

/// The state by the definition: every event of the stream, folded one after the other.
async fn fold_of_all<const L: u32, S: Load>(store: &S, id: &str) -> State {
    let stream = Tally::<L>::stream(id).expect("an id");
    let commits = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    let envelopes = commits.iter().flat_map(Commit::envelopes);
    let events = envelopes.map(|envelope| envelope.decode::<Added>().expect("readable"));
    events.fold(State::default(), |state, event| {
        Tally::<L>::evolve(state, &event)
    })
}

pub(super) async fn assert_load_is_the_fold_of_all<const L: u32, S: Load>(
    store: &S,
    id: &str,
) -> State {
    let expected = fold_of_all::<L, S>(store, id).await;
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let cold = Decider::<Tally<L>, _, _>::new(store.clone(), SystemClock);
        let loaded = cold.load(id, consistency).await.expect("foldable");
        assert_eq!(loaded.state, expected);
        assert_eq!(loaded.version.get(), expected.events);
    }
    expected
}

/// Whatever sizes events, commands and states have, and whether the carried layout is the reader's.
pub async fn the_state_after_a_load_is_the_fold_of_all_events<S: Load + AppendAll>(store: S) {
    let sizes = [
        1, 1, 2, 5, 1, 26, 1, 1, 100, 3, 1, 1, 1, 7, 1, 1, 2, 1, 1, 1,
    ];
    for (padding, ballast) in [(0, 0), (310, 0), (310, 900), (20, 3_000), (2_000, 20)] {
        let id = fresh_id();
        let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
        for (index, size) in sizes.into_iter().enumerate() {
            let amounts = (0..size).map(|amount| Added::amount(amount).padded(padding));
            let mut amounts: Vec<_> = amounts.collect();
            amounts[0] = amounts[0].clone().with_ballast(ballast + index);
            let executed = decider
                .execute(&id, &fresh_cause(), &Command::Add(amounts))
                .await;
            let executed = executed.expect("applied");
            assert_eq!(executed.outcome, Outcome::Applied);
            assert_eq!(executed.events().len() as u64, size);
            assert_eq!(executed.state, fold_of_all::<1, S>(&store, &id).await);
        }
        let one = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
        let two = assert_load_is_the_fold_of_all::<2, S>(&store, &id).await;
        assert_eq!(one.sum * 2, two.sum);
    }
}

/// A snapshot "every N events" that falls inside a commit must not hold half of it.
pub async fn a_commit_across_a_snapshot_point_carries_the_state_of_its_end<S>(store: S)
where
    S: Load + AppendAll,
{
    let id = fresh_id();
    let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    for _ in 0..12 {
        // Too large to ride for free, so that the state is carried only now and then.
        let events = vec![Added::amount(1).padded(200).with_ballast(600); 3];
        decider
            .execute(&id, &fresh_cause(), &Command::Add(events))
            .await
            .expect("applied");
    }
    let stream = Tally::<1>::stream(&id).expect("an id");
    let commits = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    let carrying: Vec<_> = commits
        .iter()
        .filter(|commit| commit.carried.is_some())
        .collect();
    assert!(
        (1..12).contains(&carrying.len()),
        "{} of 12 commits carry",
        carrying.len()
    );
    for commit in carrying {
        let carried = commit.carried.as_ref().expect("filtered");
        let state: State = serde_json::from_slice(&carried.state).expect("a state");
        assert_eq!(state.events, commit.last().get());
    }
    assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
}

/// For a process that has seen it, for one that has seen nothing, and for one that is behind.
pub async fn the_same_command_again_is_a_duplicate<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let decider = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let (warm, behind) = (decider(), decider());
    let (first, second, third) = (fresh_cause(), fresh_cause(), fresh_cause());
    let add = Command::Add(vec![Added::amount(1), Added::amount(2)]);
    behind.execute(&id, &first, &add).await.expect("applied");
    for cause in [&second, &third] {
        warm.execute(&id, cause, &add).await.expect("applied");
    }
    for (decider, who) in [(warm, "warm"), (decider(), "cold"), (behind, "behind")] {
        for cause in [&third, &second, &first] {
            let again = decider
                .execute(&id, cause, &add)
                .await
                .expect("a duplicate is no error");
            assert_ne!(again.outcome, Outcome::Unchanged, "{who}");
        }
        assert_eq!(fold_of_all::<1, S>(&store, &id).await.events, 6, "{who}");
    }
}

/// As after a lost answer: the write fails on the commit that it made itself, and the caller gets
/// the very events that are stored.
pub async fn a_command_that_meets_its_own_commit_has_succeeded<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let decider = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let (one, unaware) = (decider(), decider());
    let add = Command::Add(vec![Added::amount(1), Added::amount(2)]);
    one.execute(&id, &fresh_cause(), &add)
        .await
        .expect("applied");
    unaware
        .load(&id, Consistency::Strong)
        .await
        .expect("foldable");
    let cause = fresh_cause();
    let first = one.execute(&id, &cause, &add).await.expect("applied");
    let second = unaware.execute(&id, &cause, &add).await.expect("applied");
    assert_eq!(second.outcome, Outcome::Applied);
    assert_eq!(second.events(), first.events());
    assert_eq!((second.state, second.version), (first.state, first.version));
    assert_eq!(fold_of_all::<1, S>(&store, &id).await.events, 4);
}

/// Eight processes, 25 commands each, one stream, all at the same time.
pub async fn eight_writers_on_one_stream_apply_each_command_exactly_once<S>(store: S)
where
    S: Load + AppendAll,
{
    const WRITERS: u64 = 8;
    const COMMANDS: u64 = 25;
    let id = fresh_id();
    let writer = async |number: u64| {
        let decider = Decider::<Tally, _, _>::new(Polite(store.clone()), SystemClock);
        for index in 0..COMMANDS {
            let cause = fresh_cause();
            let add = Command::Add(vec![Added::amount(number * COMMANDS + index)]);
            // Giving up under contention changes nothing, so the caller may try again.
            while let Err(error) = decider.execute(&id, &cause, &add).await {
                assert!(matches!(error, ExecuteError::Contended), "{error}");
            }
        }
    };
    join_all((0..WRITERS).map(writer)).await;
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!(state.events, WRITERS * COMMANDS);
    assert_eq!(state.sum, (0..WRITERS * COMMANDS).sum::<u64>());
}

/// Whatever an eventual read leaves out, commands are decided on the newest state, and a refusal, or
/// that there is nothing to do, is never said of an older one.
pub async fn a_stale_first_read_decides_nothing<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let writer = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    for _ in 0..6 {
        let add = Command::Add(vec![Added::amount(10)]);
        let added = writer.execute(&id, &fresh_cause(), &add).await;
        added.expect("applied");
    }
    for seen in 0..6 {
        let stale = Stale {
            store: store.clone(),
            until: Version::new(seen),
        };
        let process = || Decider::<Tally, _, _>::new(stale.clone(), SystemClock);
        for sum in [5, 60] {
            let reach = Command::Reach(sum);
            let reached = process().execute(&id, &fresh_cause(), &reach).await;
            let reached = reached.expect("carried out");
            assert_eq!(
                (reached.outcome, reached.state.sum),
                (Outcome::Unchanged, 60)
            );
        }
        for limit in [5, 65] {
            let limited = Command::AddUpTo { amount: 10, limit };
            match process().execute(&id, &fresh_cause(), &limited).await {
                Err(ExecuteError::Rejected(over)) => assert_eq!(over.sum, 60),
                other => panic!("the sum would pass the limit, and the answer is {other:?}"),
            }
        }
    }
    let stale = Stale {
        store: store.clone(),
        until: Version::new(1),
    };
    let process = Decider::<Tally, _, _>::new(stale, SystemClock);
    let reach = Command::Reach(75);
    let reached = process.execute(&id, &fresh_cause(), &reach).await;
    assert_eq!(reached.expect("carried out").state.sum, 75);
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!((state.sum, state.events), (75, 7));
}

/// A store whose eventual reads do not see what came behind a version.
#[derive(Clone)]
struct Stale<S> {
    store: S,
    until: Version,
}

impl<S: Load> Load for Stale<S> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        let seen = match consistency {
            Consistency::Eventual => until.min(self.until),
            Consistency::Strong => until,
        };
        self.store.load(stream, layout, seen, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.store.read(stream, from, to, consistency).await
    }
}

impl<S: Append> Append for Stale<S> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.store.append(commit).await
    }
}

/// A store that lets the others run before each call, so that writers meet in memory, too.
#[derive(Clone)]
struct Polite<S>(S);

impl<S: Load> Load for Polite<S> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        give_way().await;
        self.0.load(stream, layout, until, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        give_way().await;
        self.0.read(stream, from, to, consistency).await
    }
}

impl<S: Append> Append for Polite<S> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        give_way().await;
        self.0.append(commit).await
    }
}

pub(super) async fn give_way() {
    let mut gave_way = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
