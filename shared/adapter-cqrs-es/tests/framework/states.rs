//! Whatever way the framework is made, the state after a load is the fold of all events.
//!
//! The peers fail here: cqrs-es hands over a state with the command's events in it twice, and
//! dynamo-es stores it under the number of an event that may not be in it.

use std::sync::{Arc, Mutex};

use crate::account::{Account, Command, MODES, Mode, carrying, framework, in_dynamo, stored};
use adapter_cqrs_es::Repository;
use cqrs_es::persist::{
    PersistedEventRepository, PersistedEventStore, PersistenceError, ReplayStream, SerializedEvent,
    SerializedSnapshot,
};
use cqrs_es::{Aggregate, CqrsFramework, EventStore};
use event_store::{Append, Load, Memory, SaveSnapshot, Scan};
use proptest::prelude::*;
use serde_json::{Value, json};

const STREAMS: usize = 20;
const COMMANDS: usize = 50;

/// The amounts of a command: 1 to 5 of them, and never the same ones in a row.
fn amounts(stream: usize, command: usize) -> Vec<i64> {
    let count = (stream * 3 + command * 7) % 5 + 1;
    let amount = |index| i64::try_from(stream + command * 11 + index * 5).expect("small") % 97;
    (0..count).map(amount).collect()
}

/// What the account is after commands like these.
fn expected(commands: impl IntoIterator<Item = Vec<i64>>) -> Account {
    let mut account = Account::default();
    for amount in commands.into_iter().flatten() {
        account.balance += amount;
        account.movements += 1;
    }
    account
}

/// The account as a process loads it that remembers nothing.
async fn loaded<S>(repository: Repository<S>, mode: Mode, id: &str) -> (Account, usize)
where
    S: Load + Append + SaveSnapshot + Scan,
{
    let context = stored(repository, mode).load_aggregate(id).await;
    let context = context.expect("readable");
    (context.aggregate, context.current_sequence)
}

async fn twenty_streams_of_fifty_commands<S: Load + Append + SaveSnapshot + Scan>(
    store: S,
    mode: Mode,
    readers: &[Mode],
) {
    let cqrs = framework(&carrying(&store), mode);
    for stream in 0..STREAMS {
        let id = format!("{mode:?}-{stream}").replace(['(', ')'], "-");
        for command in 0..COMMANDS {
            let moves = Command::Move(amounts(stream, command));
            cqrs.execute(&id, moves).await.expect("applied");
        }
        let right = expected((0..COMMANDS).map(|command| amounts(stream, command)));
        let events = usize::try_from(right.movements).expect("few");
        for repository in [carrying(&store), Repository::new(store.clone())] {
            for &reader in readers {
                let found = loaded(repository.clone(), reader, &id).await;
                assert_eq!(
                    found,
                    (right.clone(), events),
                    "{mode:?} read as {reader:?}"
                );
            }
            let all = stored(repository, mode).load_events(&id).await;
            let sequences = all
                .expect("readable")
                .into_iter()
                .map(|event| event.sequence);
            assert!(sequences.eq(1..=events), "every event once and in order");
        }
    }
}

#[tokio::test]
async fn twenty_streams_of_fifty_commands_end_as_the_fold_of_their_events_in_memory() {
    for mode in MODES {
        twenty_streams_of_fifty_commands(Memory::default(), mode, &MODES).await;
    }
}

#[tokio::test]
async fn twenty_streams_of_events_in_dynamodb_end_as_the_fold_of_their_events() {
    let (store, _dynamo) = in_dynamo().await;
    twenty_streams_of_fifty_commands(store, Mode::Events, &[Mode::Events]).await;
}

#[tokio::test]
async fn twenty_streams_with_snapshots_in_dynamodb_end_as_the_fold_of_their_events() {
    let (store, _dynamo) = in_dynamo().await;
    twenty_streams_of_fifty_commands(store, Mode::Snapshots(10), &MODES).await;
}

#[tokio::test]
async fn twenty_streams_with_states_in_dynamodb_end_as_the_fold_of_their_events() {
    let (store, _dynamo) = in_dynamo().await;
    twenty_streams_of_fifty_commands(store, Mode::Aggregates, &[Mode::Aggregates]).await;
}

#[tokio::test]
async fn a_command_of_five_events_across_a_snapshot_point_loses_none() {
    let store = Memory::default();
    let cqrs = framework(&carrying(&store), Mode::Snapshots(4));
    for _ in 0..2 {
        let moves = Command::Move(vec![1, 10, 100, 1_000, 10_000]);
        cqrs.execute("1", moves).await.expect("applied");
    }
    let right = Account {
        balance: 22_222,
        movements: 10,
        ballast: String::new(),
    };
    let found = loaded(carrying(&store), Mode::Snapshots(4), "1").await;
    assert_eq!(found, (right, 10));
    let commits = store.log_from(0).len();
    assert_eq!(commits, 2, "all events of a command are one commit");
}

/// Notes the states that the framework hands over.
#[derive(Clone)]
struct Noting {
    repository: Repository<Memory>,
    handed_over: Arc<Mutex<Vec<Value>>>,
}

impl PersistedEventRepository for Noting {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.repository.get_events::<A>(id).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.repository
            .get_last_events::<A>(id, last_sequence)
            .await
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        self.repository.get_snapshot::<A>(id).await
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        snapshot: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        if let Some((_, state, _)) = &snapshot {
            let mut noted = self.handed_over.lock().expect("no user panicked");
            noted.push(state.clone());
        }
        self.repository.persist::<A>(events, snapshot).await
    }

    async fn stream_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        self.repository.stream_events::<A>(id).await
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        self.repository.stream_all_events::<A>().await
    }
}

/// If this fails, cqrs-es has mended it, and the README is out of date.
#[tokio::test]
async fn the_framework_hands_over_a_state_with_the_commands_events_in_it_twice() {
    let noting = Noting {
        repository: carrying(&Memory::default()),
        handed_over: Arc::default(),
    };
    let store = PersistedEventStore::<_, Account>::new_aggregate_store(noting.clone());
    let cqrs = CqrsFramework::new(store, Vec::new(), ());
    let moves = Command::Move(vec![10, 1]);
    cqrs.execute("1", moves).await.expect("applied");
    let handed_over = noting.handed_over.lock().expect("no user panicked").clone();
    let twice = json!({"balance": 22, "movements": 4, "ballast": ""});
    assert_eq!(handed_over, [twice]);
    let (found, _) = loaded(noting.repository, Mode::Aggregates, "1").await;
    assert_eq!(found, expected([vec![10, 1]]));
}

#[tokio::test]
async fn a_stream_that_does_not_exist_is_an_account_without_movements() {
    for repository in [
        carrying(&Memory::default()),
        Repository::new(Memory::default()),
    ] {
        for mode in MODES {
            let found = loaded(repository.clone(), mode, "1").await;
            assert_eq!(found, (Account::default(), 0), "{mode:?}");
        }
    }
}

#[tokio::test]
async fn a_state_too_large_to_ride_is_saved_beside_the_events() {
    let (store, _dynamo) = in_dynamo().await;
    let cqrs = framework(&carrying(&store), Mode::Aggregates);
    for _ in 0..5 {
        let weigh = Command::Weigh(40_000);
        cqrs.execute("1", weigh).await.expect("applied");
    }
    let stream = envelope::StreamId::new("account", "1").expect("an id");
    let layouts = |layout| {
        store.load(
            &stream,
            layout,
            envelope::Version::MAX,
            ports::Consistency::Strong,
        )
    };
    let commits = layouts(0).await.expect("readable").commits;
    assert!(commits.iter().all(|commit| commit.carried.is_none()));
    let mut right = expected([]);
    right.movements = 5;
    right.ballast = "x".repeat(40_000);
    let (found, sequence) = loaded(carrying(&store), Mode::Aggregates, "1").await;
    assert_eq!((found.movements, sequence), (5, 5));
    assert_eq!(found, right);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_every_command_every_reader_sees_the_fold_of_all_events(
        commands in prop::collection::vec(prop::collection::vec(1_i64..50, 1..6), 1..24),
        mode in prop::sample::select(MODES.to_vec()),
        processes in 1_usize..4,
        sizes in prop::collection::vec(0_usize..2_000, 24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = Memory::default();
            // Every second process carries states, so that they are taken up from commits without.
            let repositories: Vec<_> = (0..processes)
                .map(|process| match process % 2 {
                    0 => carrying(&store),
                    _ => Repository::new(store.clone()),
                })
                .collect();
            let mut right = Account::default();
            for (turn, amounts) in commands.iter().enumerate() {
                let cqrs = framework(&repositories[turn % processes], mode);
                let moves = Command::Move(amounts.clone());
                cqrs.execute("1", moves).await.expect("applied");
                cqrs.execute("1", Command::Pad(sizes[turn])).await.expect("applied");
                right.balance += amounts.iter().sum::<i64>() + 1;
                right.movements += amounts.len() as u64 + 1;
                for repository in repositories.iter().cloned().chain([carrying(&store)]) {
                    let (found, sequence) = loaded(repository, mode, "1").await;
                    assert_eq!(found, right);
                    assert_eq!(sequence as u64, right.movements);
                }
            }
        });
    }
}
