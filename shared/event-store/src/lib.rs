//! The event store: streams of commits with optimistic concurrency, on a table that knows how to
//! write one item under a condition.
//!
//! One item is one *commit*: all events that one command decided, written together. The folded
//! state rides in the commit whenever that costs nothing, so that most loads read one item. A
//! command is run by a [`Decider`]: read, decide, append, and on a conflict decide again on what
//! the winner left, without another read.
//!
//! | a command, one event of 310 bytes | requests | write units | read units |
//! |---|--:|--:|--:|
//! | warm (state in the process's cache) | 1 | 1 | 0 |
//! | cold | 2 | 1 | 0.5 |
//!
//! This crate holds the port ([`Load`], [`Append`], [`AppendAll`]), what runs on it, an in-memory
//! implementation and the [`contract`](mod@contract) that every implementation obeys. DynamoDB's is in
//! `adapter-dynamodb`.

mod cache;
mod commit;
pub mod contract;
mod decider;
mod folded;
mod group;
mod joined;
mod lanes;
mod memory;
mod port;
mod size;
mod transaction;

pub use commit::{
    Carried, Commit, Part, RECENT_MAX, RECENT_SHARED_MAX, Recent, Recorded, implied_causation_id,
};
pub use decider::{Decider, ExecuteError, Executed, LoadError, Outcome, SnapshotError};
pub use folded::{Folded, UnreadableHistory, envelopes_from};
pub use joined::Joined;
pub use memory::Memory;
pub use port::{
    Append, AppendAll, AppendAllError, AppendError, Load, Loaded, ReadError, SaveSnapshot,
    SaveSnapshotError, Snapshot,
};
pub use size::{
    ITEM_BYTES_MAX, TRANSACTION_ACTIONS_MAX, TRANSACTION_BYTES_MAX, check_size, check_transaction,
};
pub use transaction::Transaction;
