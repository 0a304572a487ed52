//! A domain to learn the event store by. What follows is the README, so that its code is run with
//! the tests.
//!
#![doc = include_str!("../README.md")]

mod account;
mod events;
mod money;

pub use account::{Account, Command, Rejection, State};
pub use events::{AccountClosed, AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn};
pub use money::{Currency, InvalidCurrency, Money};
