//! What tests of the store need and the product does not: an embedded DynamoDB, a meter for
//! requests and capacity units, and faults.
//!
//! The faults wrap the store's port instead of the network, so that they strike at a chosen call
//! and the same test runs in the same way every time.

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
