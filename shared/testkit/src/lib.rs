//! What tests of the store need and the product does not. What follows is the README, so that its
//! code is run with the tests.
//!
#![doc = include_str!("../README.md")]

mod difference;
pub mod dynamo;
pub mod faulty;
pub mod given;
pub mod layout;
pub mod meter;

pub use dynamo::Dynamo;
pub use faulty::Faulty;
pub use given::given;
pub use meter::{Meter, Usage};
