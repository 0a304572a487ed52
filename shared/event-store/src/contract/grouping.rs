//! Cases about commands that come at the same time.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use envelope::{Cause, StreamId, Version};
use futures::future::join_all;
use ports::{Consistency, SystemClock};

use super::deciding::{assert_load_is_the_fold_of_all, give_way};
use super::tally::{Added, Command, Over, State, Tally, fresh_cause, fresh_id};
use crate::{
    Append, AppendAll, AppendError, Commit, Decider, ExecuteError, Executed, Load, Loaded, Outcome,
    ReadError,
};

/// A store that counts writes, and lets others run before each, as a network does.
#[derive(Clone)]
struct Counted<S> {
    store: S,
    writes: Arc<AtomicU32>,
}

impl<S> Counted<S> {
    fn new(store: S) -> Self {
        let writes = Arc::default();
        Self { store, writes }
    }

    fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }
}

impl<S: Load> Load for Counted<S> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        self.store.load(stream, layout, until, consistency).await
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

impl<S: Append> Append for Counted<S> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        self.store.append(commit).await
    }
}

type Answer = Result<Executed<State>, ExecuteError<Over>>;

/// Executes all of them at the same time; the answers are in the order of the commands.
async fn together<S: Load + Append>(
    decider: &Decider<Tally, S, SystemClock>,
    id: &str,
    commands: &[(Cause, Command)],
) -> Vec<Answer> {
    let execute = |(cause, command): &'_ (Cause, Command)| {
        let (cause, command) = (cause.clone(), command.clone());
        async move { decider.execute(id, &cause, &command).await }
    };
    join_all(commands.iter().map(execute)).await
}

fn additions(count: u64) -> Vec<(Cause, Command)> {
    let add = |amount| (fresh_cause(), Command::Add(vec![Added::amount(amount)]));
    (0..count).map(add).collect()
}

/// Each has its own events, under its own cause, right behind those of the command before it.
pub async fn sixty_four_concurrent_commands_use_under_ten_writes<S: Load + AppendAll>(store: S) {
    let (id, store) = (fresh_id(), Counted::new(store));
    let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let commands = additions(64);
    let mut seen = HashSet::new();
    for ((cause, _), answer) in commands
        .iter()
        .zip(together(&decider, &id, &commands).await)
    {
        let executed = answer.expect("applied");
        assert_eq!(executed.outcome, Outcome::Applied);
        let events = executed.events();
        let [event] = events.as_slice() else {
            panic!("one event each, not {}", events.len());
        };
        assert_eq!(event.version, executed.version);
        assert_eq!(executed.state.events, executed.version.get());
        assert_eq!(
            event.metadata.correlation_id,
            cause.metadata().correlation_id
        );
        assert_eq!(event.metadata.causation_id, cause.metadata().causation_id);
        assert!(seen.insert((event.event_id.clone(), event.version)));
    }
    assert!(store.writes() < 10, "{} writes", store.writes());
    let state = assert_load_is_the_fold_of_all::<1, _>(&store.store, &id).await;
    assert_eq!((state.events, state.sum), (64, (0..64).sum()));
    let stream = envelope::StreamId::new("Tally", id).expect("an id");
    let commits = store
        .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong)
        .await
        .expect("readable");
    let stored = commits.iter().flat_map(Commit::envelopes);
    let stored: HashSet<_> = stored
        .map(|event| (event.event_id, event.version))
        .collect();
    assert_eq!(stored, seen, "what was answered is what is stored");
}

/// Also by a process that has seen nothing of them.
pub async fn each_command_of_a_shared_commit_again_is_a_duplicate<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let decider = || Decider::<Tally, _, _>::new(Counted::new(store.clone()), SystemClock);
    let commands = additions(64);
    let warm = decider();
    for answer in together(&warm, &id, &commands).await {
        answer.expect("applied");
    }
    for (number, (cause, command)) in commands.iter().enumerate() {
        let other = decider();
        let again = if number % 2 == 0 { &warm } else { &other };
        let again = again.execute(&id, cause, command).await.expect("known");
        assert_eq!(again.outcome, Outcome::Duplicate);
    }
    for answer in together(&decider(), &id, &commands).await {
        assert_eq!(answer.expect("known").outcome, Outcome::Duplicate);
    }
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!(state.events, 64);
}

/// What one is refused is no other's concern, and each is judged on what those before it leave.
pub async fn commands_that_share_a_write_are_judged_one_by_one<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let decider = Decider::<Tally, _, _>::new(Counted::new(store.clone()), SystemClock);
    let limited = Command::AddUpTo {
        amount: 10,
        limit: 25,
    };
    let twice = fresh_cause();
    let commands = [
        (fresh_cause(), Command::Add(vec![])),
        (fresh_cause(), limited.clone()),
        (fresh_cause(), limited.clone()),
        (fresh_cause(), limited),
        (twice.clone(), Command::Add(vec![Added::amount(1); 3])),
        (twice, Command::Add(vec![Added::amount(1); 3])),
        (fresh_cause(), Command::Reach(23)),
        (fresh_cause(), Command::Reach(30)),
    ];
    let answers = together(&decider, &id, &commands).await;
    let outcome = |answer: &Answer| match answer {
        Ok(executed) => Ok((
            executed.outcome,
            executed.state.sum,
            executed.events().len(),
        )),
        Err(ExecuteError::Rejected(over)) => Err(over.sum),
        Err(error) => panic!("{error}"),
    };
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    let expected = [
        Ok((Outcome::Unchanged, 0, 0)),
        Ok((Outcome::Applied, 10, 1)),
        Ok((Outcome::Applied, 20, 1)),
        Err(20),
        Ok((Outcome::Applied, 23, 3)),
        Ok((Outcome::Duplicate, 23, 0)),
        Ok((Outcome::Unchanged, 23, 0)),
        Ok((Outcome::Applied, 30, 1)),
    ];
    assert_eq!(outcomes, expected);
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!((state.sum, state.events), (30, 6));
}

/// Eight processes with 32 concurrent commands each.
pub async fn processes_that_group_their_commands_race_without_loss<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let process = async || {
        let decider = Decider::<Tally, _, _>::new(Counted::new(store.clone()), SystemClock);
        let mut left = additions(32);
        while !left.is_empty() {
            let answers = together(&decider, &id, &left).await;
            let again = left.into_iter().zip(answers).filter_map(|(one, answer)| {
                // Giving up under contention changes nothing, so the caller may try again.
                let contended = matches!(answer, Err(ExecuteError::Contended));
                assert!(contended || answer.is_ok(), "{answer:?}");
                contended.then_some(one)
            });
            left = again.collect();
        }
    };
    join_all((0..8).map(|_| process())).await;
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!((state.events, state.sum), (256, 8 * (0..32).sum::<u64>()));
}

/// More than one item takes is split over several, and nobody waits for ever.
pub async fn commands_too_large_to_share_are_written_one_after_the_other<S>(store: S)
where
    S: Load + AppendAll,
{
    let (id, store) = (fresh_id(), Counted::new(store));
    let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let mut commands: Vec<_> = (0..20)
        .map(|_| {
            let large = Added::amount(1).padded(100 * 1024);
            (fresh_cause(), Command::Add(vec![large]))
        })
        .collect();
    let too_large = Added::amount(1).padded(500 * 1024);
    commands.insert(10, (fresh_cause(), Command::Add(vec![too_large])));
    let answers = together(&decider, &id, &commands).await;
    let mut applied = 0;
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Ok(executed) => {
                assert_eq!(executed.outcome, Outcome::Applied);
                applied += 1;
            }
            // Unless the store has another place for it.
            Err(ExecuteError::Append(AppendError::TooLarge { .. })) => assert_eq!(number, 10),
            Err(error) => panic!("{error}"),
        }
    }
    assert!((11..=21).contains(&store.writes()), "{}", store.writes());
    let state = assert_load_is_the_fold_of_all::<1, _>(&store.store, &id).await;
    assert_eq!(state.events, applied);
}
