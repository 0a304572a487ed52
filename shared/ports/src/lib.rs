//! What the system needs from outside, as narrow traits: time, identities, the bus, redelivery, timers,
//! dead letters, views, large objects and open connections. (The event store has a crate of its own.)
//!
//! Readers and writers are separate traits, so that a trait in a handler's signature is an action
//! in its role. Each port comes with an in-memory implementation that obeys the same contract; the
//! whole system runs on these in one process, under a clock that a test moves.

mod backoff;
mod clock;
mod connections;
mod dead_letters;
mod deadline;
mod frames;
mod ids;
mod payloads;
mod publish;
mod redeliver;
mod retry;
mod timers;
mod unavailable;
mod views;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SystemClock};
pub use connections::{
    CloseConnection, Connection, FindSubscribers, KeepConnections, MemoryConnections,
    SubscribeError,
};
pub use dead_letters::{Class, DeadLetter, DeadLetters, MemoryDeadLetters};
pub use deadline::Deadline;
pub use frames::{MemoryFrames, SendError, SendFrame};
pub use ids::{Ids, RandomIds, SeededIds};
pub use payloads::{GetPayload, MemoryPayloads, PutPayload};
pub use publish::{MemoryBus, Publish, PublishError};
pub use redeliver::{MemoryRedeliveries, Redeliver};
pub use retry::{Contended, Retry};
pub use timers::{MemoryTimers, Timers};
pub use unavailable::{Passing, Soon, Unavailable};
pub use views::{
    Addition, Change, Consistency, Cursor, ListViews, ListedAt, Listing, LoadView, MemoryViews,
    Page, Revision, SaveView, SaveViewError, Total, Viewed,
};
