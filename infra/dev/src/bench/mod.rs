//! `cargo dev bench`: what is measured on the machine at hand.

pub(crate) mod coldstart;
pub(crate) mod outside;
pub(crate) mod programs;
mod runtime_api;
