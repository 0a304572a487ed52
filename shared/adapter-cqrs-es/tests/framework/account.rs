//! A bank account written for cqrs-es, and the ways in which a framework can be made of it.
//!
//! Its state counts: an event that is applied twice, or left out, shows in it.

use adapter_cqrs_es::Repository;
use adapter_dynamodb::EventStore;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent};
use event_store::{Append, Load, SaveSnapshot, Scan};
use serde::{Deserialize, Serialize};
use testkit::{Dynamo, dynamo};

/// The fold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
    pub(crate) movements: u64,
    /// The newest ballast.
    pub(crate) ballast: String,
}

/// What can happen to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Movement {
    Moved { amount: i64, memo: String },
    Weighed { ballast: String },
}

/// What can be asked of it.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// One event for each amount.
    Move(Vec<i64>),
    /// One event with so many bytes of memo.
    Pad(usize),
    /// So many events with so many bytes of memo each.
    PadEach(usize, usize),
    /// Makes the state so large.
    Weigh(usize),
}

/// Why it refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overdrawn;

impl std::fmt::Display for Overdrawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the account would be overdrawn")
    }
}

impl std::error::Error for Overdrawn {}

impl DomainEvent for Movement {
    fn event_type(&self) -> String {
        match self {
            Self::Moved { .. } => "Moved",
            Self::Weighed { .. } => "Weighed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Movement;
    type Error = Overdrawn;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Overdrawn> {
        let moved = |amount, bytes| Movement::Moved {
            amount,
            memo: "x".repeat(bytes),
        };
        match command {
            Command::Move(amounts) => {
                for amount in amounts {
                    if self.balance + amount < 0 {
                        return Err(Overdrawn);
                    }
                    sink.write(moved(amount, 0), self).await;
                }
            }
            Command::PadEach(bytes, events) => {
                for _ in 0..events {
                    sink.write(moved(1, bytes), self).await;
                }
            }
            Command::Pad(bytes) => sink.write(moved(1, bytes), self).await,
            Command::Weigh(bytes) => {
                let ballast = "x".repeat(bytes);
                sink.write(Movement::Weighed { ballast }, self).await;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: Movement) {
        match event {
            Movement::Moved { amount, .. } => self.balance += amount,
            Movement::Weighed { ballast } => self.ballast = ballast,
        }
        self.movements += 1;
    }
}

/// Where the framework takes a state from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Events,
    Snapshots(usize),
    Aggregates,
}

/// All ways, with snapshots at several distances.
pub(crate) const MODES: [Mode; 5] = [
    Mode::Events,
    Mode::Snapshots(1),
    Mode::Snapshots(3),
    Mode::Snapshots(10),
    Mode::Aggregates,
];

/// The framework's store in one of its modes.
pub(crate) type Stored<S> = PersistedEventStore<Repository<S>, Account>;

pub(crate) fn stored<S: Load + Append + SaveSnapshot + Scan>(
    repository: Repository<S>,
    mode: Mode,
) -> Stored<S> {
    match mode {
        Mode::Events => PersistedEventStore::new_event_store(repository),
        Mode::Snapshots(every) => PersistedEventStore::new_snapshot_store(repository, every),
        Mode::Aggregates => PersistedEventStore::new_aggregate_store(repository),
    }
}

pub(crate) fn framework<S: Load + Append + SaveSnapshot + Scan>(
    repository: &Repository<S>,
    mode: Mode,
) -> CqrsFramework<Account, Stored<S>> {
    CqrsFramework::new(stored(repository.clone(), mode), Vec::new(), ())
}

/// A repository that remembers nothing yet.
pub(crate) fn carrying<S: Load + Append + SaveSnapshot + Scan>(store: &S) -> Repository<S> {
    Repository::new(store.clone()).carrying_states(Vec::new())
}

/// The store in an embedded DynamoDB, which lives as long as the second value.
pub(crate) async fn in_dynamo() -> (EventStore, Dynamo) {
    let dynamo = Dynamo::embedded().await;
    let store = EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE);
    (store, dynamo)
}
