//! The read model of one order, folded from four streams.
//!
//! Every stream fills fields of its own, and the status is *derived* from them. So the fold gives
//! the same view in whatever order the streams' events arrive; within one stream the projection
//! keeps order by version.

use std::collections::BTreeMap;

use envelope::{Envelope, Timestamp, UnreadableEvent, Version, event_set};
use serde::{Deserialize, Serialize};

use crate::events::{
    self, InventoryReleased, InventoryReserveFailed, InventoryReserved, OrderFailed,
    OrderFulfilled, OrderLine, OrderPlaced, OrderShipped, PaymentCompleted, PaymentFailed,
    PaymentRefunded, ShipmentFailed,
};
use crate::{CustomerId, Money, OrderId};

event_set! {
    /// What the view is folded from.
    pub enum ViewEvent {
        OrderPlaced, OrderFulfilled, OrderFailed,
        InventoryReserved, InventoryReserveFailed, InventoryReleased,
        PaymentCompleted, PaymentFailed, PaymentRefunded,
        OrderShipped, ShipmentFailed,
    }
}

/// Where an order is now, in the words that users see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderStatus {
    /// Taken.
    Placed,
    /// Stock is set aside.
    Reserved,
    /// Paid.
    Paid,
    /// On its way.
    Shipped,
    /// Ended without success.
    Failed,
}

/// What a customer or a clerk sees of one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order.
    pub order_id: OrderId,
    /// Who placed it; unknown while the order's own first event has not arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<CustomerId>,
    /// What was ordered.
    pub items: Vec<OrderLine>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Money>,
    /// When each thing happened, by event type.
    pub milestones: BTreeMap<String, Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The carrier's number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracking_number: Option<String>,
    /// How far each stream has been folded, by aggregate type.
    pub versions: BTreeMap<String, Version>,
}

impl OrderView {
    /// The view before any event.
    #[must_use]
    pub fn new(order_id: OrderId) -> Self {
        Self {
            order_id,
            customer_id: None,
            items: Vec::new(),
            total: None,
            milestones: BTreeMap::new(),
            reason: None,
            tracking_number: None,
            versions: BTreeMap::new(),
        }
    }

    /// The key that the view of this order is kept under.
    #[must_use]
    pub fn key(order_id: &str) -> String {
        format!("order#{order_id}")
    }

    /// How far the stream of this aggregate type has been folded.
    #[must_use]
    pub fn version_of(&self, aggregate_type: &str) -> Version {
        self.versions
            .get(aggregate_type)
            .copied()
            .unwrap_or(Version::ZERO)
    }

    /// Where the order is now.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        let happened = |kind: &str| self.milestones.contains_key(kind);
        if happened("OrderFailed") {
            OrderStatus::Failed
        } else if happened("OrderShipped") || happened("OrderFulfilled") {
            OrderStatus::Shipped
        } else if happened("PaymentCompleted") {
            OrderStatus::Paid
        } else if happened("InventoryReserved") {
            OrderStatus::Reserved
        } else {
            OrderStatus::Placed
        }
    }

    /// Folds the next event of one of the streams. The caller keeps the order within the stream.
    ///
    /// # Errors
    /// [`UnreadableEvent`] for an event that the view does not know or cannot read.
    pub fn fold(&mut self, event: &Envelope) -> Result<(), UnreadableEvent> {
        match event.decode::<ViewEvent>()? {
            ViewEvent::OrderPlaced(placed) => self.place(placed),
            ViewEvent::OrderFailed(failed) => self.reason = Some(failed.reason),
            ViewEvent::OrderShipped(shipped) => {
                self.tracking_number = Some(shipped.tracking_number);
            }
            // For these it is enough to know when they happened.
            ViewEvent::OrderFulfilled(_)
            | ViewEvent::InventoryReserved(_)
            | ViewEvent::InventoryReserveFailed(_)
            | ViewEvent::InventoryReleased(_)
            | ViewEvent::PaymentCompleted(_)
            | ViewEvent::PaymentFailed(_)
            | ViewEvent::PaymentRefunded(_)
            | ViewEvent::ShipmentFailed(_) => {}
        }
        self.milestones
            .insert(event.event_type.clone(), event.timestamp);
        self.versions
            .insert(event.aggregate_type.clone(), event.version);
        Ok(())
    }

    fn place(&mut self, placed: events::OrderPlaced) {
        self.customer_id = Some(placed.customer_id);
        self.items = placed.items;
        self.total = Some(placed.total);
    }
}
