//! One order, as its customer or a clerk sees it.

mod answer;

use domain::events::{Address, OrderLine, Workflow};
use domain::{CustomerId, Money};
use envelope::{Envelope, StreamId, UnreadableEvent};
use projection_kit::{Nothing, Projection};
use serde::{Deserialize, Serialize};

use crate::story::{OrderStory, order_of};
use crate::{OrderStatus, Story};

pub use answer::{links, whole};

/// Keeps [`View`].
#[derive(Debug)]
pub enum Order {}

/// What is known of one order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The order.
    pub order_id: String,
    /// Who placed it; unknown while the order's own first event has not arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<CustomerId>,
    /// What was ordered.
    pub items: Vec<OrderLine>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Money>,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shipping_address: Option<Address>,
    /// Which style of workflow carries it; choreography, if it does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workflow: Option<Workflow>,
    /// What happened, and when.
    pub story: Story,
    /// Why it failed, or why it was cancelled, if that was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The provider's numbers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment: Option<Payment>,
    /// The carrier's number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracking_number: Option<String>,
}

/// What is known of the payment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// What was taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid: Option<Money>,
    /// The provider's number for the charge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// What was given back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refunded: Option<Money>,
    /// Why nothing was taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declined: Option<String>,
}

impl View {
    /// Whether the order is still on its way to its end. A shipped one is at its end, unless a saga is still to
    /// complete it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.story.status() {
            OrderStatus::Shipped => self.workflow == Some(Workflow::Orchestration),
            status => !status.is_final(),
        }
    }

    fn payment(&mut self) -> &mut Payment {
        self.payment.get_or_insert_default()
    }
}

impl Projection for Order {
    const NAME: &'static str = "order";
    const FUNCTION: &'static str = "project-order";
    const LAYOUT: u32 = 1;

    type Before = Nothing;
    type View = View;

    fn view_of(stream: &StreamId) -> Option<&str> {
        order_of(stream)
    }

    fn new(id: &str) -> View {
        View {
            order_id: id.to_owned(),
            ..View::default()
        }
    }

    fn fold(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
        match view.story.tell(event)? {
            OrderStory::OrderPlaced(placed) => {
                view.customer_id = Some(placed.customer_id);
                view.items = placed.items;
                view.total = Some(placed.total);
                view.shipping_address = Some(placed.shipping_address);
                view.workflow = placed.workflow;
            }
            OrderStory::OrderFailed(failed) => view.reason = Some(failed.reason),
            OrderStory::OrderCancelled(cancelled) => view.reason = cancelled.reason,
            OrderStory::PaymentCompleted(paid) => {
                view.payment().paid = Some(paid.amount);
                view.payment().reference = Some(paid.provider_reference);
            }
            OrderStory::PaymentFailed(failed) => view.payment().declined = Some(failed.reason),
            OrderStory::PaymentRefunded(back) => view.payment().refunded = Some(back.amount),
            OrderStory::OrderShipped(shipped) => {
                view.tracking_number = Some(shipped.tracking_number);
            }
            // For these it is enough to know when they happened.
            OrderStory::OrderFulfilled(_)
            | OrderStory::OrderCompleted(_)
            | OrderStory::InventoryReserved(_)
            | OrderStory::InventoryReserveFailed(_)
            | OrderStory::InventoryReleased(_)
            | OrderStory::PaymentCancelled(_)
            | OrderStory::ShipmentFailed(_)
            | OrderStory::ShipmentCancelled(_) => {}
        }
        Ok(())
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
