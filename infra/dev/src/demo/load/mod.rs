//! `cargo dev demo --orders N`: many orders at once.
//!
//! Latencies are those that the store knows: from the moment of sending to the time of the commit that ended the order.
//! Asking the HTTP API about every order would load the very machine that is being measured.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use envelope::{StreamId, Version};
use event_store::Load as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ports::Consistency;
use serde::Serialize;
use serde_json::json;

use crate::args::Output;
use crate::demo::samples::Run;
use crate::inbound::{ENTRIES_MAX, Entry, send};
use crate::progress::{Step, say, seconds};
use crate::running::Running;
use crate::table::Table;

/// BatchGetItem takes this many keys (docs.aws.amazon.com/amazondynamodb, "BatchGetItem").
const KEYS_MAX: usize = 100;
const CALLS_AT_ONCE: usize = 4;
const POLL: Duration = Duration::from_millis(500);
/// Without any order ending for this long, nothing more is waited for.
const STALL_MAX: Duration = Duration::from_secs(45);

/// What is measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    orders: usize,
    fulfilled: usize,
    failed: usize,
    unfinished: usize,
    sending_ms: u64,
    all_ms: u64,
    orders_per_second: f64,
    p50_ms: u64,
    p95_ms: u64,
    p99_ms: u64,
    max_ms: u64,
}

/// One order that was sent.
struct Sent {
    order: String,
    at_millis: i64,
}

pub(crate) async fn run(running: &Running, count: u32, output: Output) -> Result<ExitCode> {
    let run = Run::now();
    let started = Instant::now();
    let sent = send_orders(running, &run, count).await?;
    let sending = started.elapsed();
    let ended = wait(running, &sent).await?;
    let report = measure(running, &sent, &ended, sending).await?;
    let well = report.fulfilled == report.orders;
    if output.json {
        say!("{:#}", json!(report));
    } else {
        say!("{}", table(&report));
        if !well {
            say!(
                "Not every order was fulfilled: `cargo dev dead-letters` and `cargo dev status` may tell why."
            );
        }
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn send_orders(running: &Running, run: &Run, count: u32) -> Result<Vec<Sent>> {
    let step = Step::counted("Sending orders", u64::from(count));
    let (client, bus) = (
        running.cloud.eventbridge(),
        &running.variables["INBOUND_BUS"],
    );
    let numbers: Vec<u32> = (1..=count).collect();
    let calls = numbers.chunks(ENTRIES_MAX).map(|chunk| {
        let entries: Vec<Entry> = chunk.iter().map(|number| order(run, *number)).collect();
        let client = client.clone();
        async move {
            let at_millis = now_millis();
            send(&client, bus, &entries).await?;
            anyhow::Ok(chunk.iter().map(move |number| Sent {
                order: order_id(run, *number),
                at_millis,
            }))
        }
    });
    let mut calls = stream::iter(calls).buffered(CALLS_AT_ONCE);
    let mut sent = Vec::new();
    while let Some(batch) = calls.try_next().await? {
        sent.extend(batch);
        step.at(sent.len() as u64);
    }
    step.done(count);
    Ok(sent)
}

/// Waits until each order has its second commit, the one that ends it, or nothing moves any more.
async fn wait(running: &Running, sent: &[Sent]) -> Result<HashSet<String>> {
    let step = Step::counted("Waiting for the orders to end", sent.len() as u64);
    let mut ended = HashSet::new();
    let mut moved = Instant::now();
    while ended.len() < sent.len() && moved.elapsed() < STALL_MAX {
        tokio::time::sleep(POLL).await;
        let open: Vec<&str> = sent
            .iter()
            .map(|sent| sent.order.as_str())
            .filter(|order| !ended.contains(*order))
            .collect();
        let fresh = with_second_commit(running, &open).await?;
        if !fresh.is_empty() {
            moved = Instant::now();
        }
        ended.extend(fresh);
        step.at(ended.len() as u64);
    }
    step.done(format!("{} of {}", ended.len(), sent.len()));
    Ok(ended)
}

async fn with_second_commit(running: &Running, orders: &[&str]) -> Result<Vec<String>> {
    let (client, table) = (running.cloud.dynamodb(), &running.variables["EVENTS_TABLE"]);
    let mut found = Vec::new();
    for chunk in orders.chunks(KEYS_MAX) {
        let mut keys = KeysAndAttributes::builder().projection_expression("p");
        for order in chunk {
            keys = keys.keys(HashMap::from([
                ("p".to_owned(), AttributeValue::S(format!("Order#{order}"))),
                ("v".to_owned(), AttributeValue::N("2".to_owned())),
            ]));
        }
        let answer = client
            .batch_get_item()
            .request_items(table, keys.build()?)
            .send()
            .await;
        let answer = answer.with_context(|| format!("cannot read the table {table}"))?;
        let items = answer
            .responses()
            .and_then(|tables| tables.get(table))
            .cloned()
            .unwrap_or_default();
        let streams = items.iter().filter_map(|item| item.get("p")?.as_s().ok());
        found.extend(
            streams
                .filter_map(|stream| stream.strip_prefix("Order#"))
                .map(str::to_owned),
        );
    }
    Ok(found)
}

async fn measure(
    running: &Running,
    sent: &[Sent],
    ended: &HashSet<String>,
    sending: Duration,
) -> Result<Report> {
    let step = Step::start("Reading how each order ended");
    let store = EventStore::new(running.cloud.dynamodb(), &running.variables["EVENTS_TABLE"]);
    let reads = sent
        .iter()
        .filter(|sent| ended.contains(&sent.order))
        .map(|sent| {
            let store = store.clone();
            async move {
                let stream = StreamId::new("Order", &sent.order)?;
                let commits = store
                    .read(&stream, Version::new(2), Consistency::Strong)
                    .await?;
                let last = commits
                    .last()
                    .context("an order that ended has a last commit")?;
                let well = last
                    .events
                    .iter()
                    .any(|event| event.event_type == "OrderFulfilled");
                anyhow::Ok((
                    last.time.as_millis() - sent.at_millis,
                    last.time.as_millis(),
                    well,
                ))
            }
        });
    let ends: Vec<(i64, i64, bool)> = stream::iter(reads)
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect()
        .await?;
    step.done("");
    let first = sent.iter().map(|sent| sent.at_millis).min().unwrap_or(0);
    let last = ends.iter().map(|(_, at, _)| *at).max().unwrap_or(first);
    let mut latencies: Vec<u64> = ends
        .iter()
        .map(|(took, _, _)| u64::try_from(*took).unwrap_or(0))
        .collect();
    latencies.sort_unstable();
    let fulfilled = ends.iter().filter(|(_, _, well)| *well).count();
    let all_ms = u64::try_from(last - first).unwrap_or(0);
    Ok(Report {
        orders: sent.len(),
        fulfilled,
        failed: ends.len() - fulfilled,
        unfinished: sent.len() - ends.len(),
        sending_ms: u64::try_from(sending.as_millis()).unwrap_or(u64::MAX),
        all_ms,
        orders_per_second: ends.len() as f64 * 1_000.0 / all_ms.max(1) as f64,
        p50_ms: percentile(&latencies, 50),
        p95_ms: percentile(&latencies, 95),
        p99_ms: percentile(&latencies, 99),
        max_ms: latencies.last().copied().unwrap_or(0),
    })
}

fn table(report: &Report) -> Table {
    let time = |millis: u64| seconds(Duration::from_millis(millis));
    let mut table = Table::new(["measure", "value"]);
    let rows = [
        (
            "orders sent",
            format!("{} in {}", report.orders, time(report.sending_ms)),
        ),
        ("fulfilled", report.fulfilled.to_string()),
        ("failed", report.failed.to_string()),
        ("unfinished", report.unfinished.to_string()),
        (
            "throughput",
            format!(
                "{:.1} orders/s, {} in all",
                report.orders_per_second,
                time(report.all_ms)
            ),
        ),
        ("latency p50", time(report.p50_ms)),
        ("latency p95", time(report.p95_ms)),
        ("latency p99", time(report.p99_ms)),
        ("latency max", time(report.max_ms)),
    ];
    for (measure, value) in rows {
        table.row([measure.to_owned(), value]);
    }
    table
}

/// The smallest value that so many percent of all values do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn order_id(run: &Run, number: u32) -> String {
    format!("load-{}-{number}", run.id())
}

/// Orders of one to three products, spread over all products and customers.
fn order(run: &Run, number: u32) -> Entry {
    let order_id = order_id(run, number);
    let event_id = format!("{order_id}-placed");
    let lines = 1 + number % 3;
    let items: Vec<_> = (0..lines)
        .map(|line| {
            let product = format!("prod-{}", 1 + (number * 3 + line) % 20);
            json!({ "productId": product, "quantity": 1, "unitPrice": { "amount": 1_000, "currency": "EUR" } })
        })
        .collect();
    let detail = json!({
        "eventId": event_id,
        "eventType": "OrderPlaced",
        "schemaVersion": 1,
        "timestamp": run.time(),
        "aggregateType": "Order",
        "aggregateId": order_id,
        "version": 1,
        "data": {
            "orderId": order_id,
            "customerId": format!("cust-{}", 1 + number % 50),
            "items": items,
            "total": { "amount": 1_000 * lines, "currency": "EUR" },
            "shippingAddress": { "name": "Load Example", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE" },
            "payment": { "method": "sandbox-approve" },
        },
        "metadata": { "correlationId": order_id },
    });
    Entry {
        source: "load-generator".to_owned(),
        detail_type: "OrderPlaced".to_owned(),
        detail,
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(
            (percentile(&values, 50), percentile(&values, 99)),
            (100, 198)
        );
        assert_eq!((percentile(&[7], 99), percentile(&[], 50)), (7, 0));
    }

    #[test]
    fn the_products_of_one_order_differ() {
        let run = Run::now();
        for number in 1..100 {
            let entry = order(&run, number);
            let items = entry.detail["data"]["items"]
                .as_array()
                .expect("items")
                .clone();
            let products: HashSet<String> = items
                .iter()
                .map(|item| item["productId"].to_string())
                .collect();
            assert_eq!(products.len(), items.len());
        }
    }
}
