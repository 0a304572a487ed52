//! `cargo dev demo --orders N`: many orders at once.
//!
//! Latencies are those that the store knows: from the moment of sending to the time of the commit that ended the order.
//! Asking the HTTP API about every order would load the very machine that is being measured.

mod orders;
mod report;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::args::Output;
use crate::clock::now_millis;
use crate::demo::load::orders::{order, order_id};
use crate::demo::load::report::{measure, table};
use crate::demo::samples::Run;
use crate::inbound::{ENTRIES_MAX, Entry, send};
use crate::progress::{Step, say};
use crate::running::Running;
use crate::streams;

const CALLS_AT_ONCE: usize = 4;
const POLL: Duration = Duration::from_millis(500);
/// Without any order ending for this long, nothing more is waited for.
const STALL_MAX: Duration = Duration::from_secs(45);

/// One order that was sent.
struct Sent {
    order: String,
    stream: String,
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
            anyhow::Ok(chunk.iter().map(move |number| {
                let order = order_id(run, *number);
                let stream = format!("Order#{order}");
                Sent {
                    order,
                    stream,
                    at_millis,
                }
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

/// Waits until each order has its second commit, the one that ends it, or nothing moves any more. Returns the streams
/// of those that ended.
async fn wait(running: &Running, sent: &[Sent]) -> Result<HashSet<String>> {
    let step = Step::counted("Waiting for the orders to end", sent.len() as u64);
    let mut ended = HashSet::new();
    let mut moved = Instant::now();
    while ended.len() < sent.len() && moved.elapsed() < STALL_MAX {
        tokio::time::sleep(POLL).await;
        let open: Vec<&str> = sent
            .iter()
            .map(|sent| sent.stream.as_str())
            .filter(|stream| !ended.contains(*stream))
            .collect();
        let table = &running.variables["EVENTS_TABLE"];
        let fresh = streams::with_commit(&running.cloud, table, &open, 2).await?;
        if !fresh.is_empty() {
            moved = Instant::now();
        }
        ended.extend(fresh);
        step.at(ended.len() as u64);
    }
    step.done(format!("{} of {}", ended.len(), sent.len()));
    Ok(ended)
}
