//! Ids of the domain: their own types, so that an order is never taken for a product.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! domain_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent)]
        pub struct $name(
            #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._:-]+$"))] String,
        );

        impl $name {
            /// Takes an id as it came; its shape is checked by the schema at the boundary.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

domain_id! {
    /// An order. Its reservation, payment and shipment have the same id in streams of their own.
    OrderId
}
domain_id! {
    /// A customer.
    CustomerId
}
domain_id! {
    /// A product, which is what stock is kept of.
    ProductId
}
