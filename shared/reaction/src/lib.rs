//! The host of a reaction: from what Lambda delivers to one call of a handler for each event.
//!
//! A handler sees one event at a time and says what became of it. Everything around that is here,
//! once: both shapes of delivery (an SQS batch, or a bare EventBridge event), partial batch
//! answers, the check of the seal, time limits, retries, dead letters, logs and metrics.

mod failure;
mod host;
mod later;
mod message;
mod react;

pub use failure::{BoxError, Failure};
pub use host::{Host, InvocationFailed};
pub use later::has_come;
pub use message::Message;
pub use react::{Consume, Done, React, ReactTogether, Verified, VerifiedTogether};
