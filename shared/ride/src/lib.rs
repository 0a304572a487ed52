//! A ride, from request to fare: the second saga, which teaches how to write one. What follows is the
//! README, so that its code is run with the tests.
//!
#![doc = include_str!("../README.md")]

mod saga;

pub use saga::RideSaga;
