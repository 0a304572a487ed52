//! `cargo dev demo`: orders sent as another system would send them, watched until they end.
//!
//! What happens is compared with what each sample says should happen, so the demo is also the shortest proof that a
//! stack works: it exits with 0 only if every order ended as expected.

mod load;
mod report;
mod samples;
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;

use crate::args::Demo;
use crate::dead_letters::{self, DeadLetter};
use crate::demo::report::Row;
use crate::demo::samples::{Expect, Run, Sample};
use crate::demo::watch::{Board, Watch};
use crate::inbound::send_all;
use crate::issuer::{Caller, Issuer};
use crate::progress::say;
use crate::project::Project;
use crate::running::{self, Running};

/// How long an order may take; the slowest sample needs some ten seconds.
const ORDER_MAX: Duration = Duration::from_secs(90);

/// `cargo dev demo`
/// How long the token is valid with which the orders are followed.
const TOKEN_SECONDS: i64 = 3_600;

pub(crate) async fn run(project: &Project, options: &Demo) -> Result<ExitCode> {
    // Seconds when nothing changed, and what is shown is what the sources say.
    let running = running::up_again(project).await?;
    match options.orders {
        Some(count) => load::run(&running, count, options.output).await,
        None => samples(project, &running, options.output.json).await,
    }
}

async fn samples(project: &Project, running: &Running, json: bool) -> Result<ExitCode> {
    let run = Run::now();
    let samples = samples::read(&project.path("events/demo"), &run)?;
    let entries: Vec<_> = samples.iter().map(|sample| sample.entry.clone()).collect();
    eprintln!(
        "Sending {} events to the bus {}\n",
        entries.len(),
        running.variables["INBOUND_BUS"]
    );
    let sent = Instant::now();
    send_all(&running.cloud, &running.variables["INBOUND_BUS"], &entries).await?;
    let token =
        Issuer::of(project, &running.cloud.endpoint)?.token(&Caller::Operator, TOKEN_SECONDS);
    let board = Board::new();
    let watches = samples.iter().map(|sample| {
        let line = board.line(&sample.label());
        Watch {
            running,
            token: &token,
            sample,
            line,
            sent,
            deadline: sent + ORDER_MAX,
        }
        .until_done()
    });
    let ends = join_all(watches).await;
    board.clear();
    let mut rows = Vec::new();
    for (sample, end) in samples.iter().zip(ends) {
        rows.push(row(running, sample, end?).await?);
    }
    let letters = letters_of(running, &run).await?;
    let well = rows.iter().all(|row| row.as_expected);
    if json {
        say!("{:#}", report::json(&rows, &letters));
    } else {
        say!("{}", report::text(&rows, &letters, well));
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What became of one sample. The events are read again, now that all orders rest: a duplicate that had an effect
/// after all would show here.
async fn row(running: &Running, sample: &Sample, end: watch::End) -> Result<Row> {
    let mut events = match &sample.order {
        Some(order) => crate::story::events_of(running, order).await?,
        None => Vec::new(),
    };
    events.sort_by_key(|event| event.timestamp.as_millis());
    let types: Vec<String> = events.into_iter().map(|event| event.event_type).collect();
    let as_expected = match &sample.expect {
        Expect::Order { status, events } => end.outcome == *status && same(events, &types),
        Expect::DeadLetter { dead_letter } => {
            end.outcome == watch::dead_lettered(dead_letter) && types.is_empty()
        }
    };
    Ok(Row {
        order: sample.label(),
        title: sample.title.clone(),
        style: sample.style,
        outcome: end.outcome,
        expected: sample.expect.outcome(),
        events: types,
        milliseconds: end.took.map(|took| took.as_millis()),
        as_expected,
    })
}

/// Whether the same events happened; branches that run side by side may end in either order.
fn same(expected: &[String], happened: &[String]) -> bool {
    let sorted = |types: &[String]| {
        let mut types = types.to_vec();
        types.sort();
        types
    };
    sorted(expected) == sorted(happened)
}

async fn letters_of(running: &Running, run: &Run) -> Result<Vec<DeadLetter>> {
    let mut letters = dead_letters::all(running, None).await?;
    letters.retain(|letter| run.made(&letter.body));
    Ok(letters)
}
