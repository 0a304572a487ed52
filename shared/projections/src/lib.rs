//! The read models of the order domain, each a pure fold.
//!
//! Whoever has events keeps them by these folds alone: the functions, which get events from the bus,
//! and a rebuild, which gets them from the table.

pub mod customer_orders;
pub mod order;
pub mod ready_orders;
pub mod sales;
pub mod stock;
mod story;
pub mod workflow;

pub use customer_orders::CustomerOrders;
pub use order::Order;
pub use ready_orders::ReadyOrders;
pub use sales::Sales;
pub use stock::Stock;
pub use story::{OrderStatus, Story};
pub use workflow::Workflow;

#[cfg(test)]
mod tests;
