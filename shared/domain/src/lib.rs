//! Order fulfilment as pure functions: what can happen ([`events`]), what each aggregate decides
//! about it, what services can be asked to do ([`commands`]), and the saga that asks them ([`OrderSaga`]).
//!
//! Nothing here does I/O, knows the time, or draws a random number. Each aggregate is a state, a
//! `decide(state, command)` and an `evolve(state, event)`; the event store runs them.

pub mod commands;
pub mod customer;
pub mod events;
pub mod ids;
pub mod money;
pub mod notice;
pub mod order;
mod order_saga;
pub mod payment;
pub mod reservation;
pub mod shipment;
pub mod stock_item;

pub use customer::Customer;
pub use envelope::Aggregate;
pub use ids::{CustomerId, OrderId, ProductId};
pub use money::{Currency, Money};
pub use notice::{Notice, notice_of};
pub use order::Order;
pub use order_saga::OrderSaga;
pub use payment::Payment;
pub use reservation::Reservation;
pub use shipment::Shipment;
pub use stock_item::StockItem;

#[cfg(test)]
mod tests;
