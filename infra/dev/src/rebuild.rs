//! `cargo dev rebuild`: makes a read model anew from all stored events.
//!
//! It writes where the stack's own function writes, while that goes on: both save a view only over
//! what they have read. What is there and up to date stays as it is; corrected logic is a new layout,
//! whose views lie beside the old ones until `cargo dev layout` has queries go over to them.

mod checkpoints;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use adapter_dynamodb::{EventStore, Views};
use anyhow::{Context as _, Result, bail};
use event_store::Scan as _;
use event_store::rebuild::{OnUnreadable, Progress, Rate, Rebuild, RebuildError, Rebuilt};
use ports::SystemClock;
use projection_kit::Projection;
use serde_json::json;

use crate::args;
use crate::cloud::Cloud;
use crate::deploy;
use crate::env_file::{self, Variables};
use crate::model::with_projection;
use crate::progress::{Step, say, seconds};
use crate::project::Project;
use crate::running::Running;
use crate::stack::NAME;
use crate::table::{Table, cut};
use checkpoints::FileCheckpoints;

/// The exit code for a rebuild that came to its end without all rows.
const INCOMPLETE: u8 = 3;

/// `cargo dev rebuild`
pub(crate) async fn run(project: &Project, options: &args::Rebuild) -> Result<ExitCode> {
    with_projection!(options.model, rebuild(project, options))
}

async fn rebuild<P: Projection>(project: &Project, options: &args::Rebuild) -> Result<ExitCode> {
    let (cloud, variables) = find(project, options.endpoint.as_deref()).await?;
    let events = &variables["EVENTS_TABLE"];
    let views = options.views.as_ref().unwrap_or(&variables["VIEWS_TABLE"]);
    // A checkpoint belongs to one way from one place to another.
    let name = format!(
        "{}@{} {} {events} {views}",
        P::NAME,
        P::LAYOUT,
        cloud.endpoint
    );
    let store = EventStore::new(cloud.dynamodb(), events);
    let total = store.estimate().await;
    let checkpoints = FileCheckpoints::new(project.local().join("rebuilds"));
    let views = Views::new(cloud.dynamodb(), views);
    let mut rebuild = Rebuild::new(name, store, views, SystemClock, checkpoints)
        .segments(options.segments)
        .resume(options.resume)
        .on_unreadable(match options.on_unreadable {
            args::OnUnreadable::Stop => OnUnreadable::Stop,
            args::OnUnreadable::SetAside => OnUnreadable::SetAside,
        });
    if let Some(units) = options.rate {
        rebuild = rebuild.rate(Rate::ReadUnits(units));
    }
    let label = format!("Rebuilding {}", P::NAME);
    let step = match total {
        Some(total) => Step::counted(label, total),
        None => Step::start(label),
    };
    let started = Instant::now();
    let run = rebuild.run::<projection_kit::Rebuilt<P>>(|progress| show(&step, progress));
    let rebuilt = run.await.map_err(explain)?;
    step.done(format!(
        "{} commits, {} events",
        rebuilt.commits, rebuilt.events
    ));
    report(P::NAME, &rebuilt, started.elapsed(), options.output);
    Ok(if rebuilt.set_aside.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    })
}

/// The stack that is up here, or the local one at another endpoint.
pub(crate) async fn find(project: &Project, endpoint: Option<&str>) -> Result<(Cloud, Variables)> {
    let Some(endpoint) = endpoint else {
        let running = Running::find(project).await?;
        return Ok((running.cloud, running.variables));
    };
    let cloud = Cloud::with_environment(endpoint).await;
    let Some(outputs) = deploy::outputs(&cloud, NAME).await? else {
        bail!("there is no stack {NAME} at {endpoint}");
    };
    let variables = env_file::variables(&cloud, NAME, &outputs)?;
    Ok((cloud, variables))
}

fn show(step: &Step, progress: &Progress) {
    step.at(progress.commits);
    let aside = match progress.unreadable {
        0 => String::new(),
        rows => format!(", {rows} unreadable"),
    };
    let left = progress.time_left.map_or_else(String::new, |left| {
        format!(", about {} left", seconds(left))
    });
    step.now(format!("{} events{aside}{left}", progress.events));
}

/// Says what to do about it.
fn explain(error: RebuildError) -> anyhow::Error {
    let hint = match &error {
        RebuildError::Unreadable(_) => {
            "mend the row, or add --on-unreadable set-aside; --resume goes on where it stopped"
        }
        RebuildError::Behind { .. } => "run it again without --resume",
        RebuildError::Unavailable { .. } | RebuildError::Contended { .. } => {
            "--resume goes on where it stopped"
        }
    };
    Err::<(), _>(error)
        .context(hint)
        .expect_err("it is an error")
}

fn report(model: &str, rebuilt: &Rebuilt, took: Duration, output: args::Output) {
    if output.json {
        let report = json!({
            "model": model,
            "commits": rebuilt.commits,
            "events": rebuilt.events,
            "setAside": rebuilt.set_aside,
            "leftOut": rebuilt.left_out,
            "seconds": took.as_secs_f64(),
        });
        say!("{report:#}");
        return;
    }
    say!("{} commits, {} events", rebuilt.commits, rebuilt.events);
    if rebuilt.set_aside.is_empty() {
        return;
    }
    let mut table = Table::new(["set aside", "version", "why"]);
    for row in &rebuilt.set_aside {
        let version = row.version.to_string();
        table.row([row.stream.clone(), version, cut(&row.why, 160)]);
    }
    say!("{table}");
    say!("{} commits behind them were left out", rebuilt.left_out);
}
