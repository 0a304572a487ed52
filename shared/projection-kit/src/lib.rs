//! Projections: read models that are pure folds of events, and all that keeps them right.
#![doc = include_str!("../README.md")]

mod layout;
mod projection;
mod projector;
mod rebuilding;
mod row;

pub use layout::{Live, SwitchError, live, switch};
pub use projection::{Amounts, Nothing, Place, Projection, view_in};
pub use projector::Projector;
pub use rebuilding::Rebuilt;
pub use row::{Row, has_reached, list_rows, list_totals, load_row};

#[cfg(test)]
mod tests;
