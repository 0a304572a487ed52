//! Aggregates of the cqrs-es framework on the event store. What follows is the README, so that its
//! code is run with the tests.
//!
#![doc = include_str!("../README.md")]
//!
//! # Layout
//! `repository` is cqrs-es's trait on the store's port, `record` translates events, `state` folds
//! them, and `known` remembers how far.
//! The state is folded here, although the framework hands one over with every snapshot: that one
//! is wrong (see above), and a repository that stores it cannot be right.

mod error;
mod known;
mod record;
mod repository;
mod state;

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, CqrsFramework, Query};
use event_store::{Append, Load, SaveSnapshot, Scan};

pub use error::RepositoryError;
pub use record::COMMAND_ID;
pub use repository::Repository;

/// A framework on this store.
pub type Cqrs<A, S> = CqrsFramework<A, PersistedEventStore<Repository<S>, A>>;

/// A framework that folds all events of an aggregate for each command. In place of
/// `dynamo_es::dynamodb_cqrs`.
///
/// # Cost
/// A command is two requests: a strongly consistent read of the whole stream, a read unit for each
/// 4 KB of it, and a write unit for each kilobyte of the new events together.
pub fn cqrs<A, S>(store: S, queries: Vec<Box<dyn Query<A>>>, services: A::Services) -> Cqrs<A, S>
where
    A: Aggregate,
    S: Load + Append + SaveSnapshot + Scan,
{
    let store = PersistedEventStore::new_event_store(Repository::new(store));
    CqrsFramework::new(store, queries, services)
}

/// A framework whose aggregates take their state along with their events. In place of
/// `dynamo_es::dynamodb_snapshot_cqrs` and `dynamo_es::dynamodb_aggregate_cqrs`.
///
/// How often the state is stored is no parameter: it rides along whenever that costs nothing, and
/// otherwise before the tail behind it gets dear. Whoever needs upcasters gives them to
/// [`Repository::carrying_states`] and to the framework.
///
/// # Cost
/// A command is two requests: a strongly consistent read, one read unit while state and tail are
/// within 4 KB, and a write unit for each kilobyte of the new events together.
pub fn snapshot_cqrs<A, S>(
    store: S,
    queries: Vec<Box<dyn Query<A>>>,
    services: A::Services,
) -> Cqrs<A, S>
where
    A: Aggregate,
    S: Load + Append + SaveSnapshot + Scan,
{
    let repository = Repository::new(store).carrying_states(Vec::new());
    // With an "aggregate store" the framework asks for the state alone, and not for a tail besides.
    let store = PersistedEventStore::new_aggregate_store(repository);
    CqrsFramework::new(store, queries, services)
}
