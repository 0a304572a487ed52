//! The orders of a customer: one entry for each, in the customer's list by the time of placing.

use domain::{CustomerId, Money};
use envelope::{Envelope, StreamId, UnreadableEvent};
use projection_kit::{Nothing, Place, Projection};
use serde::{Deserialize, Serialize};

use crate::Story;
use crate::story::{OrderStory, order_of, sortable};

/// Keeps [`View`].
#[derive(Debug)]
pub enum CustomerOrders {}

/// One line of the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The order.
    pub order_id: String,
    /// Who placed it. It is in no list before that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<CustomerId>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Money>,
    /// How many lines it has.
    pub lines: usize,
    /// What happened, and when.
    pub story: Story,
}

impl Projection for CustomerOrders {
    const NAME: &'static str = "customer-orders";
    const FUNCTION: &'static str = "project-customer-orders";
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
        if let OrderStory::OrderPlaced(placed) = view.story.tell(event)? {
            view.customer_id = Some(placed.customer_id);
            view.total = Some(placed.total);
            view.lines = placed.items.len();
        }
        Ok(())
    }

    fn place(view: &View) -> Option<Place> {
        Some(Place {
            list: view.customer_id.as_ref()?.to_string(),
            place: sortable(view.story.when("OrderPlaced")?, &view.order_id),
        })
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
