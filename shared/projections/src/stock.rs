//! How much there is of each product.

use domain::stock_item::StockEvent;
use domain::{Aggregate, StockItem};
use envelope::{Envelope, StreamId, Timestamp, UnreadableEvent};
use projection_kit::{Nothing, Place, Projection};
use serde::{Deserialize, Serialize};

/// The one list, in the order of the products' ids.
pub const LIST: &str = "all";

/// Keeps [`View`].
#[derive(Debug)]
pub enum Stock {}

/// The stock of one product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The product.
    pub product_id: String,
    /// Units that can be ordered.
    pub available: u64,
    /// Units set aside for orders that are not shipped, and for those that are.
    pub reserved: u64,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed_at: Option<Timestamp>,
}

impl Projection for Stock {
    const NAME: &'static str = "stock";
    const FUNCTION: &'static str = "project-stock";
    const LAYOUT: u32 = 1;

    type Before = Nothing;
    type View = View;

    fn view_of(stream: &StreamId) -> Option<&str> {
        (stream.aggregate_type() == StockItem::TYPE).then(|| stream.aggregate_id())
    }

    fn new(id: &str) -> View {
        View {
            product_id: id.to_owned(),
            ..View::default()
        }
    }

    /// The aggregate's own fold: the numbers are those that it decides on.
    fn fold(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
        let happened = event.decode::<StockEvent>()?;
        let before = domain::stock_item::State {
            available: view.available,
            reserved: view.reserved,
        };
        let after = StockItem::evolve(before, &happened);
        (view.available, view.reserved) = (after.available, after.reserved);
        view.changed_at = Some(event.timestamp);
        Ok(())
    }

    fn place(view: &View) -> Option<Place> {
        Some(Place {
            list: LIST.to_owned(),
            place: view.product_id.clone(),
        })
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
