//! What is measured of the orders, and how it is shown.

use std::collections::HashSet;
use std::time::Duration;

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result};
use envelope::{StreamId, Version};
use event_store::Load as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ports::Consistency;
use serde::Serialize;

use crate::demo::load::{CALLS_AT_ONCE, Sent};
use crate::percentile::percentile;
use crate::progress::{Step, seconds};
use crate::running::Running;
use crate::table::Table;

/// What is measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) orders: usize,
    pub(crate) fulfilled: usize,
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

/// Reads how each order ended.
pub(crate) async fn measure(
    running: &Running,
    sent: &[Sent],
    ended: &HashSet<String>,
    sending: Duration,
) -> Result<Report> {
    let step = Step::start("Reading how each order ended");
    let store = EventStore::new(running.cloud.dynamodb(), &running.variables["EVENTS_TABLE"]);
    let reads = sent
        .iter()
        .filter(|sent| ended.contains(&sent.stream))
        .map(|sent| {
            let store = store.clone();
            async move {
                let stream = StreamId::new("Order", &sent.order)?;
                let commits = store
                    .read(&stream, Version::new(2), Version::MAX, Consistency::Strong)
                    .await?;
                let last = commits
                    .last()
                    .context("an order that ended has a last commit")?;
                let well = last.events.iter().any(|event| {
                    ["OrderFulfilled", "OrderCompleted"].contains(&&*event.event_type)
                });
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

/// For people.
pub(crate) fn table(report: &Report) -> Table {
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
