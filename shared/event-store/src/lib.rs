//! The event store. What follows is the README, so that its code is run with the tests.
//!
#![doc = include_str!("../README.md")]
//!
//! ## In this crate
//!
//! The port is [`Load`], [`Append`], [`AppendAll`], [`SaveSnapshot`] and [`Scan`]. [`Memory`] implements
//! it, and obeys the [`contract`](mod@contract) as every implementation does. A store takes what fits
//! into an item; [`ClaimChecked`] around it puts the rest into objects beside the table.
//!
//! What runs on the port:
//! - [`Decider`]: commands, states ([`Folded`]), snapshots, and the past of one stream ([`Entry`]);
//! - [`Transaction`]: commits on several streams, all or none;
//! - [`story_of`] and [`Story`]: what led to what, across streams;
//! - [`rebuild`](mod@rebuild): read models from all streams.
//!
//! [`Commit`] is what is stored. [`check_size`] and [`check_transaction`] are for implementations of
//! the port, [`envelopes_from`] and [`fetch_data`] for readers that have commits and no `Decider`.

mod audit;
mod cache;
mod claim_check;
mod collect;
mod commit;
pub mod contract;
mod decider;
mod folded;
mod group;
mod history;
mod joined;
mod lanes;
mod memory;
mod once;
mod port;
pub mod rebuild;
mod scan;
mod size;
mod story;
mod transaction;

pub use audit::Entry;
pub use claim_check::{
    COMMITS_PREFIX, ClaimChecked, EVENT_BYTES_MAX, PAYLOAD_BYTES_MAX, SNAPSHOTS_PREFIX, fetch_data,
};
pub use collect::{Collected, story_of};
pub use commit::{
    Carried, Commit, Part, RECENT_MAX, RECENT_SHARED_MAX, Recent, Recorded, implied_causation_id,
};
pub use decider::{Decider, ExecuteError, Executed, LoadError, Outcome, SnapshotError};
pub use folded::{Folded, UnreadableHistory, envelopes_from};
pub use joined::Joined;
pub use memory::Memory;
pub use once::Once;
pub use port::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Load, Loaded, ReadError, SaveSnapshot,
    SaveSnapshotError, Snapshot,
};
pub use scan::{Cursor, Scan, ScanPage, read_units};
pub use size::{
    ITEM_BYTES_MAX, TRANSACTION_ACTIONS_MAX, TRANSACTION_BYTES_MAX, check_size, check_transaction,
};
pub use story::{Chain, Effect, Origin, Story};
pub use transaction::Transaction;
