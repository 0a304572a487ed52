//! Orders that are paid and reserved and wait for the carrier, those that wait longest first.

use domain::events::{Address, OrderLine};
use envelope::{Envelope, StreamId, UnreadableEvent};
use projection_kit::{Nothing, Place, Projection};
use serde::{Deserialize, Serialize};

use crate::Story;
use crate::story::{OrderStory, order_of, sortable};

/// The one list.
pub const LIST: &str = "ready";

/// Keeps [`View`].
#[derive(Debug)]
pub enum ReadyOrders {}

/// What the warehouse has to know. Only an order that is ready stands in the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The order.
    pub order_id: String,
    /// What goes into the parcel.
    pub items: Vec<OrderLine>,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shipping_address: Option<Address>,
    /// What happened, and when.
    pub story: Story,
}

impl Projection for ReadyOrders {
    const NAME: &'static str = "ready-orders";
    const FUNCTION: &'static str = "project-ready-orders";
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
        if let OrderStory::PaymentCompleted(paid) = view.story.tell(event)? {
            view.items = paid.items;
            view.shipping_address = Some(paid.shipping_address);
        }
        Ok(())
    }

    fn place(view: &View) -> Option<Place> {
        let (paid, story) = (view.story.when("PaymentCompleted")?, &view.story);
        let over = [
            "OrderShipped",
            "OrderFulfilled",
            "OrderCompleted",
            "ShipmentFailed",
            "ShipmentCancelled",
            "OrderFailed",
            "OrderCancelled",
            "PaymentRefunded",
            "InventoryReleased",
        ];
        let waits = story.when("InventoryReserved").is_some()
            && over.iter().all(|event| story.when(event).is_none());
        waits.then(|| Place {
            list: LIST.to_owned(),
            place: sortable(paid, &view.order_id),
        })
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
