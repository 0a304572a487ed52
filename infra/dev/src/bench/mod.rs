//! `cargo dev bench`: what is measured on the machine at hand.

pub(crate) mod coldstart;
mod runtime_api;
pub(crate) mod store;
