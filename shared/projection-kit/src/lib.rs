//! Projections: read models that are pure folds of events, and all that keeps them right.
//!
//! A [`Projection`] says which view a stream belongs to and what an event changes in it. The kit
//! does the rest, once for all of them: the version of each stream in the view is the only
//! bookkeeping, so what comes twice is dropped, a hole is filled from the store at once, the events
//! of a batch that belong to one view cost one read and one write, and live events and a rebuild
//! can work on one view at the same time. See the crate's README.

mod layout;
mod projection;
mod projector;
mod rebuilding;
mod row;

pub use layout::{Live, SwitchError, live, switch};
pub use projection::{Amounts, Nothing, Place, Projection};
pub use projector::Projector;
pub use rebuilding::Rebuilt;
pub use row::{Row, load_row};

#[cfg(test)]
mod tests;
