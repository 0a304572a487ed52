//! Lists, workflows, stock and sales, as they are asked for over HTTP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::outside::Outside;

const CUSTOMER: &str = "cust-41";
const PATIENCE: Duration = Duration::from_secs(120);

async fn place(outside: &Outside<'_>, id: &str, product: &str, ends: &str) {
    let mut order = Outside::order(id, "sandbox-approve", product);
    order["data"]["customerId"] = json!(CUSTOMER);
    outside.put_inbound(&order).await;
    outside.wait_for(id, ends).await;
}

/// Asks until the answer is as it should be: a list may lag behind for a moment.
pub(crate) async fn until(
    outside: &Outside<'_>,
    path: &str,
    right: impl Fn(&Value) -> bool,
) -> Value {
    let begun = Instant::now();
    loop {
        let (status, body) = outside.get(path).await;
        if status == 200 && right(&body) {
            return body;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {status} {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn ids(body: &Value) -> Vec<&str> {
    let entries = body["entries"].as_array().expect("entries").iter();
    entries
        .filter_map(|entry| entry["orderId"].as_str())
        .collect()
}

pub(crate) async fn what_happened_is_in_every_list(outside: &Outside<'_>) {
    let available = |body: &Value| body["available"].as_u64().expect("a number");
    let seeded = |body: &Value| body["available"].is_u64();
    let before = until(outside, "/stock/prod-17", seeded).await;
    place(outside, "flow-listed", "prod-17", "SHIPPED").await;
    place(outside, "flow-unlisted", "prod-out", "FAILED").await;

    let path = format!("/customers/{CUSTOMER}/orders?limit=1");
    let newest = |body: &Value| body["entries"][0]["status"] == "FAILED";
    let first = until(outside, &path, newest).await;
    assert_eq!(ids(&first), ["flow-unlisted"]);
    let next = first["_links"]["next"]["href"].as_str().expect("more");
    let second = until(outside, next, |body| {
        body["entries"][0]["status"] == "SHIPPED"
    })
    .await;
    assert_eq!(ids(&second), ["flow-listed"]);

    let ended = |body: &Value| {
        !ids(body)
            .iter()
            .any(|id| ["flow-listed", "flow-unlisted"].contains(id))
    };
    until(outside, "/ready-orders", ended).await;
    until(outside, "/workflows?limit=100", ended).await;
    let failed = |body: &Value| {
        let states: Vec<_> = (0..3)
            .map(|step| body["steps"][step]["state"].clone())
            .collect();
        states == ["failed", "skipped", "skipped"]
    };
    until(outside, "/orders/flow-unlisted/workflow", failed).await;
    let one_less = |body: &Value| available(body) == available(&before) - 1;
    let stock = until(outside, "/stock/prod-17", one_less).await;

    let today = stock["updatedAt"].as_str().expect("a time")[..10].to_owned();
    let sales = format!("/sales?from={today}&to={today}");
    let counted = |body: &Value| {
        let hours = body["hours"].as_array().expect("hours");
        let sum = |name: &str| {
            hours
                .iter()
                .filter_map(|hour| hour[name].as_u64())
                .sum::<u64>()
        };
        sum("orders") >= 2 && sum("cancellations") >= 1
    };
    until(outside, &sales, counted).await;

    let api = outside.customer("cust-1");
    let answer = api.get("/stock/prod-17").await;
    let known = [("if-none-match", answer.header("etag"))];
    assert_eq!(api.get_with("/stock/prod-17", &known).await.status, 304);
}
