//! Sagas at work: the handler that conducts them ([`Conductor`]), and the [`rehearsal`] that every saga
//! is put through in a test.
//!
//! What a saga is, and what it decides, is in `saga`; nothing here knows one from the other.

mod conductor;
pub mod rehearsal;

pub use conductor::Conductor;
