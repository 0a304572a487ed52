//! Sales by hour, for some days at a time.

use envelope::Timestamp;
use http_api::{Request, Response};
use ports::{ListViews, LoadView, Total};
use projection_kit::list_totals;
use projections::{Sales, sales};
use serde_json::{Value, json};

use crate::Refusal;

/// Days of one answer: a request to the table for each.
const DAYS_MAX: i64 = 31;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn answer<V: LoadView + ListViews>(
    views: &V,
    request: &Request,
) -> Result<Value, Refusal> {
    let from = day(request, "from")?;
    let to = day(request, "to")?;
    let days = (to.as_millis() - from.as_millis()) / DAY_MS + 1;
    if !(1..=DAYS_MAX).contains(&days) {
        let detail = format!(
            "`to` is the day of `from` or one of the {} behind it",
            DAYS_MAX - 1
        );
        return Err(Response::problem(400, "Malformed query", &detail).into());
    }
    let mut hours = Vec::new();
    for number in 0..days {
        let day = sales::day(Timestamp::from_millis(from.as_millis() + number * DAY_MS));
        let totals = list_totals::<Sales, V>(views, &day).await?;
        hours.extend(totals.iter().map(|total| hour(&day, total)));
    }
    let itself = format!("/sales?from={}&to={}", sales::day(from), sales::day(to));
    Ok(json!({ "hours": hours, "_links": { "self": { "href": itself } } }))
}

/// A day in UTC, as its first moment.
fn day(request: &Request, name: &str) -> Result<Timestamp, Response> {
    let text = request.query(name).unwrap_or_default();
    let moment = Timestamp::parse(&format!("{text}T00:00:00Z"));
    moment.ok_or_else(|| {
        let detail = format!("`{name}` is a day like 2026-11-21, in UTC");
        Response::problem(400, "Malformed query", &detail)
    })
}

fn hour(day: &str, total: &Total) -> Value {
    let amount = |name: &str| total.amounts.get(name).copied().unwrap_or_default();
    let revenue = total.amounts.iter().filter_map(|(name, amount)| {
        let currency = name.strip_prefix("revenue:")?;
        Some(json!({ "amount": amount, "currency": currency }))
    });
    json!({
        "hour": format!("{day}T{}:00:00Z", total.place),
        "orders": amount("orders"), "cancellations": amount("cancellations"),
        "revenue": revenue.collect::<Vec<_>>(),
    })
}
