//! `cargo dev story`: what happened to one order, as the tree of what caused what.
//!
//! It reads the truth, the order's streams in the event store, and not a view made from them.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result, bail};
use envelope::{Envelope, StreamId, Version};
use event_store::Load as _;
use ports::Consistency;

use crate::args::Story;
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;

/// The aggregates whose streams have the order's id.
const STREAMS: [&str; 4] = ["Order", "Reservation", "Payment", "Shipment"];

/// `cargo dev story`
pub(crate) async fn show(project: &Project, options: &Story) -> Result<ExitCode> {
    let running = Running::find(project).await?;
    let events = events_of(&running, &options.order).await?;
    if events.is_empty() {
        bail!("nothing is stored about an order {}", options.order);
    }
    if options.output.json {
        say!("{:#}", serde_json::to_value(&events)?);
    } else {
        say!("{}", tell(&events).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// All events in an order's streams, in order of time.
pub(crate) async fn events_of(running: &Running, order: &str) -> Result<Vec<Envelope>> {
    let store = EventStore::new(running.cloud.dynamodb(), &running.variables["EVENTS_TABLE"]);
    let mut events = Vec::new();
    for aggregate in STREAMS {
        let stream = StreamId::new(aggregate, order).context("no order has such an id")?;
        let commits = store
            .read(&stream, Version::new(1), Version::MAX, Consistency::Strong)
            .await?;
        events.extend(commits.iter().flat_map(event_store::Commit::envelopes));
    }
    events.sort_by_key(|event| event.timestamp.as_millis());
    Ok(events)
}

fn tell(events: &[Envelope]) -> String {
    let mut text = String::new();
    let began = events[0].timestamp;
    let mut stories: BTreeMap<&str, Vec<&Envelope>> = BTreeMap::new();
    for event in events {
        stories
            .entry(event.metadata.correlation_id.as_str())
            .or_default()
            .push(event);
    }
    for (correlation, story) in stories {
        let _ = writeln!(text, "correlation {correlation}");
        let ids: HashSet<&str> = story.iter().map(|event| event.event_id.as_str()).collect();
        let cause = |event: &Envelope| {
            event
                .metadata
                .causation_id
                .as_deref()
                .filter(|cause| ids.contains(cause))
                .map(str::to_owned)
        };
        let mut effects: BTreeMap<Option<String>, Vec<&Envelope>> = BTreeMap::new();
        for event in &story {
            effects.entry(cause(event)).or_default().push(event);
        }
        let began = began.as_millis();
        branch(&mut text, &effects, None, "", began);
    }
    text
}

/// Writes the events with one cause, each with its own effects below it.
fn branch(
    text: &mut String,
    effects: &BTreeMap<Option<String>, Vec<&Envelope>>,
    cause: Option<&str>,
    indent: &str,
    began: i64,
) {
    let children = effects
        .get(&cause.map(str::to_owned))
        .map_or(&[][..], Vec::as_slice);
    for (position, event) in children.iter().enumerate() {
        let last = position + 1 == children.len();
        let (tick, deeper) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let head = format!("{indent}{tick}{}", event.event_type);
        let millis = event.timestamp.as_millis() - began;
        let stream = format!("{}#{}", event.aggregate_type, event.aggregate_id);
        let version = event.version.get();
        let id = event.event_id.as_str();
        let _ = writeln!(text, "{head:40} {millis:>7} ms  {stream} v{version}  {id}");
        branch(
            text,
            effects,
            Some(event.event_id.as_str()),
            &format!("{indent}{deeper}"),
            began,
        );
    }
}
