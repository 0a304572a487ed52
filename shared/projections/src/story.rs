//! What happened to an order, in the words of four streams.
//!
//! Each type of event happens to an order at most once. So the moments by type are the whole story,
//! in whatever order the streams' events arrive, and what is *derived* from them is always right.

use std::collections::BTreeMap;

use domain::events::{
    InventoryReleased, InventoryReserveFailed, InventoryReserved, OrderCancelled, OrderCompleted,
    OrderFailed, OrderFulfilled, OrderPlaced, OrderShipped, PaymentCancelled, PaymentCompleted,
    PaymentFailed, PaymentRefunded, ShipmentCancelled, ShipmentFailed,
};
use domain::{Aggregate, Order, Payment, Reservation, Shipment};
use envelope::{Envelope, StreamId, Timestamp, UnreadableEvent, event_set};
use serde::{Deserialize, Serialize};

event_set! {
    /// What happens to an order.
    pub enum OrderStory {
        OrderPlaced, OrderFulfilled, OrderCompleted, OrderFailed, OrderCancelled,
        InventoryReserved, InventoryReserveFailed, InventoryReleased,
        PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentCancelled,
        OrderShipped, ShipmentFailed, ShipmentCancelled,
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
    /// On its way; of a choreographed order the good end.
    Shipped,
    /// All steps are done, says the saga that conducted it.
    Completed,
    /// Ended without success.
    Failed,
    /// Called off.
    Cancelled,
}

impl OrderStatus {
    /// Whether nothing more is going to happen; of a shipped order only the view of the order knows, because
    /// an orchestrated one is still to be completed.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// When each thing happened, by event type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Story(BTreeMap<String, Timestamp>);

impl Story {
    /// Takes an event up, and hands it back decoded.
    pub(crate) fn tell(&mut self, event: &Envelope) -> Result<OrderStory, UnreadableEvent> {
        let happened = event.decode::<OrderStory>()?;
        self.0.insert(event.event_type.clone(), event.timestamp);
        Ok(happened)
    }

    /// When an event of this type happened.
    #[must_use]
    pub fn when(&self, event_type: &str) -> Option<Timestamp> {
        self.0.get(event_type).copied()
    }

    /// Everything in the order in which it happened.
    #[must_use]
    pub fn in_order(&self) -> Vec<(&str, Timestamp)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(event, at)| (event.as_str(), *at))
            .collect();
        all.sort_by_key(|(_, at)| *at);
        all
    }

    /// When the last thing happened.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.0.values().max().copied()
    }

    /// Where the order is now.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        let happened = |kind: &str| self.0.contains_key(kind);
        // A parcel of a cancelled order is on its way back, whichever was heard of first.
        if happened("OrderCancelled") {
            OrderStatus::Cancelled
        } else if happened("OrderFailed") {
            OrderStatus::Failed
        } else if happened("OrderCompleted") {
            OrderStatus::Completed
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
}

/// The order that a stream tells of.
pub(crate) fn order_of(stream: &StreamId) -> Option<&str> {
    let kinds = [
        Order::TYPE,
        Reservation::TYPE,
        Payment::TYPE,
        Shipment::TYPE,
    ];
    kinds
        .contains(&stream.aggregate_type())
        .then(|| stream.aggregate_id())
}

/// A moment as a text that is ordered like moments, for places in lists.
pub(crate) fn sortable(moment: Timestamp, id: &str) -> String {
    format!("{:013}#{id}", moment.as_millis())
}
