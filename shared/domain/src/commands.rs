//! What services are asked to do, by whoever conducts an order: one struct for each command, its data
//! on the wire.
//!
//! Commands travel in the same envelope as events and through the same outbox, but each goes to exactly
//! one function. In the choreography nobody sends them: there each service makes its own out of the
//! event that it reacts to (the `From`s below). So a service does the same in both styles, and does not
//! know which one it is.

use envelope::event_data;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::{
    Address, InventoryReserved, OrderLine, OrderPlaced, PaymentCompleted, PaymentTerms,
};
use crate::{CustomerId, Money, OrderId};

event_data! {
    /// Set stock aside for every line of an order.
    ReserveInventory v 1 {
        /// The order.
        order_id: OrderId,
        /// Who placed it.
        customer_id: CustomerId,
        /// What is to be set aside.
        items: Vec<OrderLine>,
        /// What is to be paid for it.
        total: Money,
        /// How it is to be paid.
        payment: PaymentTerms,
        /// Where it goes.
        shipping_address: Address,
    }
}
event_data! {
    /// Take the customer's money.
    ChargePayment v 1 {
        /// The order.
        order_id: OrderId,
        /// Who pays.
        customer_id: CustomerId,
        /// What is paid for.
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
    /// Have the carrier take the parcel.
    ShipOrder v 1 {
        /// The order.
        order_id: OrderId,
        /// Who gets it.
        customer_id: CustomerId,
        /// Where it goes.
        shipping_address: Address,
    }
}
event_data! {
    /// Record that everything is done.
    CompleteOrder v 1 {
        /// The order.
        order_id: OrderId,
        /// The carrier's number for the parcel.
        tracking_number: String,
    }
}
event_data! {
    /// Free what is set aside for an order, and set nothing aside for it from now on.
    ReleaseInventory v 1 {
        /// The order.
        order_id: OrderId,
    }
}
event_data! {
    /// Give back what was taken for an order, and take nothing for it from now on.
    RefundPayment v 1 {
        /// The order.
        order_id: OrderId,
    }
}
event_data! {
    /// Have the parcel of an order brought back, and send none from now on.
    RecallShipment v 1 {
        /// The order.
        order_id: OrderId,
    }
}
event_data! {
    /// Record that the order ended without success.
    FailOrder v 1 {
        /// The order.
        order_id: OrderId,
        /// Why, for a person to read.
        reason: String,
    }
}

impl From<OrderPlaced> for ReserveInventory {
    fn from(placed: OrderPlaced) -> Self {
        Self {
            order_id: placed.order_id,
            customer_id: placed.customer_id,
            items: placed.items,
            total: placed.total,
            payment: placed.payment,
            shipping_address: placed.shipping_address,
        }
    }
}

impl From<InventoryReserved> for ChargePayment {
    fn from(reserved: InventoryReserved) -> Self {
        Self {
            order_id: reserved.order_id,
            customer_id: reserved.customer_id,
            items: reserved.items,
            total: reserved.total,
            payment: reserved.payment,
            shipping_address: reserved.shipping_address,
        }
    }
}

impl From<PaymentCompleted> for ShipOrder {
    fn from(paid: PaymentCompleted) -> Self {
        Self {
            order_id: paid.order_id,
            customer_id: paid.customer_id,
            shipping_address: paid.shipping_address,
        }
    }
}
