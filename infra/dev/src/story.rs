//! `cargo dev story`: what happened to one order, as the tree of what caused what.
//!
//! It reads the truth, the order's streams in the event store, and not a view made from them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result, bail};
use envelope::{Envelope, StreamId, Version};
use event_store::{Effect, Load as _, Story};
use ports::Consistency;

use crate::args;
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;

/// The aggregates whose streams have the order's id.
const STREAMS: [&str; 5] = ["Order", "OrderSaga", "Reservation", "Payment", "Shipment"];

/// `cargo dev story`
pub(crate) async fn show(project: &Project, options: &args::Story) -> Result<ExitCode> {
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
        for commit in &commits {
            events.extend(commit.whole()?.envelopes());
        }
    }
    events.sort_by_key(|event| event.timestamp.as_millis());
    Ok(events)
}

fn tell(events: &[Envelope]) -> String {
    let mut text = String::new();
    let began = events[0].timestamp.as_millis();
    let mut stories: BTreeMap<&str, Vec<&Envelope>> = BTreeMap::new();
    for event in events {
        let correlation = event.metadata.correlation_id.as_str();
        stories.entry(correlation).or_default().push(event);
    }
    for (correlation, events) in stories {
        let _ = writeln!(text, "correlation {correlation}");
        let story = Story::of(events.into_iter().cloned());
        let trees = story.trees();
        let heads: Vec<_> = branches(&trees)
            .into_iter()
            .zip(&trees)
            .map(|(branch, Effect { event, .. })| branch + &name_of(event))
            .collect();
        let wide = heads.iter().map(|head| head.chars().count()).max();
        let wide = wide.unwrap_or_default();
        for (head, Effect { event, .. }) in heads.iter().zip(&trees) {
            let millis = event.timestamp.as_millis() - began;
            let stream = format!("{}#{}", event.aggregate_type, event.aggregate_id);
            let (version, id) = (event.version, &event.event_id);
            let _ = writeln!(
                text,
                "{head:wide$} {millis:>7} ms  {stream} v{version}  {id}"
            );
        }
    }
    text
}

/// What an event is called in its story. A saga has one event of a kind for each of its steps, so it says which.
fn name_of(event: &Envelope) -> String {
    match event.data["step"].as_str() {
        Some(step) => format!("{} {step}", event.event_type),
        None => event.event_type.clone(),
    }
}

/// The lines of a drawn tree in front of each effect: whether a branch goes on is known from below.
fn branches(trees: &[Effect<'_>]) -> Vec<String> {
    let mut goes_on = Vec::new();
    let mut drawn: Vec<_> = trees
        .iter()
        .rev()
        .map(|effect| {
            goes_on.resize(effect.depth + 1, false);
            let (own, above) = goes_on.split_last_mut().expect("at least one");
            let tick = if std::mem::replace(own, true) {
                "├─ "
            } else {
                "└─ "
            };
            let lines = above.iter().map(|on| if *on { "│  " } else { "   " });
            lines.chain([tick]).collect::<String>()
        })
        .collect();
    drawn.reverse();
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use envelope::{Cause, CommandId, Timestamp};

    fn event(id: &str, cause: &Cause) -> Envelope {
        let stream = StreamId::new("Order", id).expect("an id");
        Envelope {
            event_id: cause.commit_id().event_id(&stream, 0),
            event_type: id.to_owned(),
            schema_version: 1,
            timestamp: Timestamp::from_millis(1_000),
            aggregate_type: "Order".to_owned(),
            aggregate_id: id.to_owned(),
            version: Version::new(1),
            data: serde_json::Value::Null,
            metadata: cause.metadata(),
        }
    }

    #[test]
    fn events_of_a_step_are_told_with_its_name() {
        let mut started = event(
            "SagaStepStarted",
            &Cause::command(&CommandId::new("c").expect("an id")),
        );
        assert_eq!(name_of(&started), "SagaStepStarted");
        started.data = serde_json::json!({ "step": "ship-order", "attempt": 1 });
        assert_eq!(name_of(&started), "SagaStepStarted ship-order");
    }

    #[test]
    fn effects_are_drawn_below_their_causes() {
        let placed = event("A", &Cause::command(&CommandId::new("c").expect("an id")));
        let after =
            |id: &str, cause: &Envelope| event(id, &Cause::reaction(cause, id).expect("short"));
        let (b, d) = (after("B", &placed), after("D", &placed));
        let (c, e) = (after("C", &b), after("E", &d));
        let story = Story::of([e, c, d, b, placed]);
        let trees = story.trees();
        let drawn = branches(&trees).into_iter().zip(&trees);
        let drawn: Vec<_> = drawn
            .map(|(branch, effect)| branch + &effect.event.event_type)
            .collect();
        let expected = ["└─ A", "   ├─ B", "   │  └─ C", "   └─ D", "      └─ E"];
        assert_eq!(drawn, expected);
    }
}
