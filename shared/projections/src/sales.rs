//! Sales by hour: how many orders were placed and came to nothing, and what was taken.
//!
//! The view of an order says which hours it counts in, and for how much; the totals are the sums of
//! that, kept in the same write as the view. So an event that comes twice, late or out of order
//! counts once and in the hour in which it happened.

use std::collections::BTreeMap;

use domain::{Currency, Money};
use envelope::{Envelope, StreamId, Timestamp, UnreadableEvent};
use projection_kit::{Amounts, Nothing, Projection};
use serde::{Deserialize, Serialize};

use crate::Story;
use crate::story::{OrderStory, order_of};

/// Keeps the totals by hour; [`View`] is what they are made of.
#[derive(Debug)]
pub enum Sales {}

/// What one order counts for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// What was taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid: Option<Money>,
    /// What was given back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refunded: Option<Money>,
    /// What happened, and when.
    pub story: Story,
}

/// The day of a moment, which is the list that its hour is in: `2026-11-21`, in UTC.
#[must_use]
pub fn day(moment: Timestamp) -> String {
    moment.to_string()[..10].to_owned()
}

fn hour(moment: Timestamp) -> String {
    moment.to_string()[11..13].to_owned()
}

fn in_hour_of(moment: Timestamp, amounts: impl IntoIterator<Item = (String, i64)>) -> Amounts {
    Amounts {
        list: day(moment),
        place: hour(moment),
        amounts: amounts.into_iter().collect::<BTreeMap<_, _>>(),
    }
}

fn money(name: &str, currency: &Currency, amount: i64) -> (String, i64) {
    (format!("{name}:{currency}"), amount)
}

impl Projection for Sales {
    const NAME: &'static str = "sales";
    const FUNCTION: &'static str = "project-sales";
    const LAYOUT: u32 = 1;
    const CONCURRENCY: usize = 1;

    type Before = Nothing;
    type View = View;

    fn view_of(stream: &StreamId) -> Option<&str> {
        order_of(stream)
    }

    fn new(_: &str) -> View {
        View::default()
    }

    fn fold(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
        match view.story.tell(event)? {
            OrderStory::PaymentCompleted(paid) => view.paid = Some(paid.amount),
            OrderStory::PaymentRefunded(back) => view.refunded = Some(back.amount),
            _ => {}
        }
        Ok(())
    }

    /// `orders`, `cancellations` (of orders that failed or were cancelled), and `revenue:EUR` for each
    /// currency, which falls by a refund in the hour of the refund.
    fn amounts(view: &View) -> Vec<Amounts> {
        let when = |event| view.story.when(event);
        let count =
            |event, name: &str| when(event).map(|at| in_hour_of(at, [(name.to_owned(), 1)]));
        let sum = |event, amount: &Option<Money>, sign: i64| {
            let (at, amount) = when(event).zip(amount.as_ref())?;
            let named = money("revenue", &amount.currency, sign * amount.amount);
            Some(in_hour_of(at, [named]))
        };
        let all = [
            count("OrderPlaced", "orders"),
            count("OrderFailed", "cancellations"),
            count("OrderCancelled", "cancellations"),
            sum("PaymentCompleted", &view.paid, 1),
            sum("PaymentRefunded", &view.refunded, -1),
        ];
        all.into_iter().flatten().collect()
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
