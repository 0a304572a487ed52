//! The schemas of the events: made from the Rust types, and enforced where other systems' events
//! come in.
//!
//! The files in `events/` are what everyone reads: other teams, the schema registry, and the
//! boundary itself, which validates against the very files that it publishes. The Rust types stay
//! the source: [`generated`] makes the files from them, and a test of this crate fails when a file
//! says something else than its type. `cargo dev schemas` writes them anew.
//!
//! ```
//! use serde_json::json;
//!
//! let error = schemas::validate("StockReplenished", 1, &json!({"productId": "prod-1", "quantity": -4}))
//!     .expect_err("stock cannot be replenished by a negative quantity");
//! assert_eq!(
//!     error.to_string(),
//!     "the data is not valid as StockReplenished version 1: /quantity: the value is less than the minimum of 0",
//! );
//! ```

mod generated;
mod inbound;

pub use generated::{EventType, catalogue, file_name, generated};
pub use inbound::{Invalid, VIOLATIONS_MAX, Violation, accepted_types, validate};
