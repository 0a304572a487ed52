//! How read models are kept: events into views, each saved only over what was read.
//!
//! It stands between the pure folds (`domain`) and whoever has events: the projecting function,
//! which gets them from the bus, and a rebuild, which gets them from the table. Both go through
//! [`update`], so that a rebuilt view is the view that live events would have made.

mod order_view;

pub use order_view::{OrderViews, Update, UpdateError, update};
