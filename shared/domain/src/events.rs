//! Every event of the domain: one struct for each type, its data on the wire.
//!
//! The events between the steps are *fat*: each carries what the next service needs, so that no
//! service reads another's stream. The JSON Schemas in `events/` are generated from these structs.

use std::collections::BTreeMap;
use std::str::FromStr;

use envelope::event_data;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CustomerId, Money, OrderId, ProductId};

/// The most lines in one order: reserving takes one write per product and one for the reservation,
/// in one transaction of at most 100 (DynamoDB, `TransactWriteItems`).
pub const ORDER_LINES_MAX: usize = 99;

/// The longest reason for a cancellation, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// What is ordered.
    pub product_id: ProductId,
    /// How many of it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quantity: u32,
    /// Price of one.
    pub unit_price: Money,
}

/// How many of each product some lines add up to.
#[must_use]
pub fn quantities(lines: &[OrderLine]) -> BTreeMap<&ProductId, u32> {
    let mut wanted = BTreeMap::<_, u32>::new();
    for line in lines {
        let quantity = wanted.entry(&line.product_id).or_default();
        *quantity = quantity.saturating_add(line.quantity);
    }
    wanted
}

/// Where a parcel goes: at least one line, under whatever names the sender uses, kept as they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent, extend("minProperties" = 1, "maxProperties" = 32))]
pub struct Address(pub BTreeMap<String, Value>);

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentTerms {
    /// The method; the sandbox provider takes those that begin with `sandbox-`.
    #[schemars(length(min = 1, max = 64))]
    pub method: String,
}

/// Which style of workflow carries an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Workflow {
    /// Services react to each other's events.
    Choreography,
    /// A saga asks one service after the other.
    Orchestration,
}

/// A word that names no style of workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a workflow is `choreography` or `orchestration`, not {0:?}")]
pub struct UnknownWorkflow(String);

impl FromStr for Workflow {
    type Err = UnknownWorkflow;

    fn from_str(word: &str) -> Result<Self, UnknownWorkflow> {
        match word {
            "choreography" => Ok(Self::Choreography),
            "orchestration" => Ok(Self::Orchestration),
            other => Err(UnknownWorkflow(other.to_owned())),
        }
    }
}

event_data! {
    /// An order was placed.
    OrderPlaced v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// What was ordered.
        #[schemars(length(min = 1, max = 99))]
        items: Vec<OrderLine>,
        /// Sum of all lines.
        total: Money,
        /// Where it goes.
        shipping_address: Address,
        /// How it is paid.
        payment: PaymentTerms,
        /// Which style of workflow carries it: whoever takes the order sees to it that it says so. Without, it is
        /// choreography.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<Workflow>,
    }
}
impl OrderPlaced {
    /// The order with its style in writing: the one that it asks for, or the usual one. So an order is never
    /// carried in two styles, though the usual one may change.
    #[must_use]
    pub fn in_style(mut self, usual: Workflow) -> Self {
        self.workflow.get_or_insert(usual);
        self
    }
}

event_data! {
    /// Everything that was ordered is on its way: the order ended well.
    OrderFulfilled v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// The carrier's number for the parcel.
        tracking_number: String,
    }
}
event_data! {
    /// All steps of the order are done, says the saga that conducted it: the order ended well.
    OrderCompleted v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// The carrier's number for the parcel.
        tracking_number: String,
    }
}
event_data! {
    /// The order ended without success; what was done for it is undone by the services that did it.
    OrderFailed v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// Why, for a person to read.
        reason: String,
    }
}
event_data! {
    /// The order was called off; what was done for it is undone by the services that did it.
    OrderCancelled v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// Why, for a person to read, if it was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        reason: Option<String>,
        /// Which style of workflow carried it; choreography if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<Workflow>,
    }
}
event_data! {
    /// Stock for every line of an order is set aside.
    InventoryReserved v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// What is set aside.
        items: Vec<OrderLine>,
        /// What is to be paid.
        total: Money,
        /// How it is to be paid.
        payment: PaymentTerms,
        /// Where it goes.
        shipping_address: Address,
    }
}
event_data! {
    /// Stock did not suffice; nothing is set aside.
    InventoryReserveFailed v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// What was short.
        reason: String,
    }
}
event_data! {
    /// What was set aside for an order is free again, and nothing will be set aside for it any more.
    InventoryReleased v 1 {
        /// The order.
        order_id: OrderId,
        /// What is free again; nothing, if the order was cancelled before anything was set aside.
        items: Vec<OrderLine>,
    }
}
event_data! {
    /// Units of a product came in.
    StockReplenished v 1 {
        /// The product.
        product_id: ProductId,
        /// How many came in.
        #[schemars(range(min = 0, max = 1_000_000_000))]
        quantity: u32,
    }
}
event_data! {
    /// Units of a product are set aside for an order.
    StockReserved v 1 {
        /// The product.
        product_id: ProductId,
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    }
}
event_data! {
    /// Units of a product that were set aside for an order are free again.
    StockReleased v 1 {
        /// The product.
        product_id: ProductId,
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: u32,
    }
}
event_data! {
    /// The customer's money was taken.
    PaymentCompleted v 1 {
        /// The order.
        order_id: OrderId,
        /// Who paid.
        customer_id: CustomerId,
        /// How much.
        amount: Money,
        /// The provider's number for the charge.
        provider_reference: String,
        /// What was paid for.
        items: Vec<OrderLine>,
        /// Where it goes.
        shipping_address: Address,
    }
}
event_data! {
    /// The provider declined; no money was taken.
    PaymentFailed v 1 {
        /// The order.
        order_id: OrderId,
        /// Who was to pay.
        customer_id: CustomerId,
        /// The provider's reason.
        reason: String,
    }
}
event_data! {
    /// The customer's money was given back.
    PaymentRefunded v 1 {
        /// The order.
        order_id: OrderId,
        /// How much.
        amount: Money,
        /// The provider's number for the refund.
        provider_reference: String,
    }
}
event_data! {
    /// The order was cancelled before it was paid: no money will be taken, and none is kept.
    PaymentCancelled v 1 {
        /// The order.
        order_id: OrderId,
    }
}
event_data! {
    /// The carrier took the parcel.
    OrderShipped v 1 {
        /// The order.
        order_id: OrderId,
        /// Who gets it.
        customer_id: CustomerId,
        /// The carrier's number for the parcel.
        tracking_number: String,
    }
}
event_data! {
    /// The carrier refused the parcel.
    ShipmentFailed v 1 {
        /// The order.
        order_id: OrderId,
        /// Who was to get it.
        customer_id: CustomerId,
        /// The carrier's reason.
        reason: String,
    }
}
event_data! {
    /// The order was cancelled: the parcel is recalled, or will never be sent.
    ShipmentCancelled v 1 {
        /// The order.
        order_id: OrderId,
    }
}
event_data! {
    /// A customer registered.
    UserRegistered v 1 {
        /// The customer.
        customer_id: CustomerId,
        /// Name to address them by.
        #[schemars(length(min = 1, max = 200))]
        name: String,
        /// Where e-mail goes.
        #[schemars(length(max = 254), regex(pattern = r"^[^@\s]+@[^@\s]+$"))]
        email: String,
        /// Where text messages go, in E.164 form.
        #[schemars(regex(pattern = r"^\+[1-9][0-9]{6,14}$"))]
        phone: String,
        /// Whether they may order.
        #[serde(default = "yes")]
        active: bool,
    }
}

event_data! {
    /// A customer lives elsewhere now: where parcels go whose order does not say.
    UserAddressChanged v 1 {
        /// The customer.
        customer_id: CustomerId,
        /// The address.
        address: Address,
    }
}

const fn yes() -> bool {
    true
}
