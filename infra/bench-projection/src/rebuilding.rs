//! A rebuild while orders go on arriving, and whether its result is right.

use std::cell::Cell;
use std::time::{Duration, Instant};

use adapter_dynamodb::{EventStore, Views};
use anyhow::{Context as _, Result, ensure};
use envelope::{Envelope, Version};
use event_store::rebuild::{MemoryCheckpoints, Rebuild};
use event_store::{Commit, Load as _, Scan as _, envelopes_from};
use ports::{Consistency, SystemClock};
use projection_kit::{Projection, Projector, Rebuilt, load_row};
use reaction::ReactTogether as _;
use serde::Serialize;
use testkit::{Dynamo, dynamo};

use crate::shop;

/// Between two orders that arrive while it is rebuilt.
const PAUSE: Duration = Duration::from_millis(20);
/// Every so many views is compared with the fold of the store.
const SAMPLE: u32 = 50;

/// How it went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rebuilding {
    pub(crate) model: &'static str,
    pub(crate) events: u64,
    pub(crate) seconds: f64,
    /// Events that arrived meanwhile.
    pub(crate) live: u64,
    /// Whether the views are the folds of the store.
    pub(crate) right: bool,
}

pub(crate) async fn measure<P: Projection>(dynamo: &Dynamo, orders: u32) -> Result<Rebuilding> {
    let store = EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE);
    let views = Views::new(dynamo.client(), dynamo::VIEWS_TABLE);
    let estimate = store.estimate().await.unwrap_or_default();
    let bar = shop::bar(&format!("Rebuilding {}", P::NAME), estimate);
    let ended = Cell::new(false);
    let arrived = Cell::new(0);
    let live = async {
        let projector = Projector::<P, _, _, _>::new(store.clone(), views.clone(), SystemClock);
        // Each rebuild has orders of its own.
        let first = u32::MAX - (P::LAYOUT + P::NAME.len() as u32) * 1_000_000;
        while !ended.get() {
            let commits = shop::order(first + arrived.get()).await;
            for commit in &commits {
                shop::append(&store, commit).await?;
            }
            deliver(&projector, &commits).await?;
            arrived.set(arrived.get() + 1);
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(first)
    };
    let begun = Instant::now();
    let rebuilt = async {
        let kept = MemoryCheckpoints::default();
        let rebuild = Rebuild::new(P::NAME, store.clone(), views.clone(), SystemClock, kept);
        let rebuilt = rebuild
            .run::<Rebuilt<P>>(|progress| bar.set_position(progress.commits))
            .await;
        ended.set(true);
        (rebuilt, begun.elapsed())
    };
    let (first, (rebuilt, took)) = futures::join!(live, rebuilt);
    let (first, rebuilt) = (first?, rebuilt?);
    bar.finish_and_clear();
    ensure!(rebuilt.set_aside.is_empty(), "nothing is unreadable");
    let mut right = true;
    let sampled = (0..orders).step_by(SAMPLE as usize);
    for number in sampled.chain(first..first + arrived.get()) {
        right &= is_right::<P>(&store, &views, number).await?;
    }
    Ok(Rebuilding {
        model: P::NAME,
        events: rebuilt.events,
        seconds: took.as_secs_f64(),
        live: u64::from(arrived.get()) * shop::EVENTS_OF_AN_ORDER as u64,
        right,
    })
}

/// Delivers the events of one view together, as a host does.
pub(crate) async fn deliver<P: Projection>(
    projector: &Projector<P, EventStore, Views, SystemClock>,
    commits: &[Commit],
) -> Result<()> {
    let events = commits.iter().flat_map(Commit::envelopes);
    let events: Vec<Envelope> = events
        .filter(|event| projector.key(event).is_some())
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    for answer in projector.react(&events).await {
        let failed = |failure: reaction::Failure| anyhow::anyhow!("{:?}", failure.error());
        answer.map_err(failed).context("an event was not folded")?;
    }
    Ok(())
}

async fn is_right<P: Projection>(store: &EventStore, views: &Views, number: u32) -> Result<bool> {
    let mut expected = None;
    for commit in shop::order(number).await {
        let Some(id) = P::view_of(&commit.stream) else {
            continue;
        };
        let (from, to) = (commit.first, commit.last());
        let stored = store
            .read(&commit.stream, from, to, Consistency::Strong)
            .await?;
        let view = expected.get_or_insert_with(|| (id.to_owned(), P::new(id)));
        for event in envelopes_from(&stored, from) {
            if event.version <= to && event.version >= Version::new(1) {
                P::fold(&mut view.1, &event)?;
            }
        }
    }
    let Some((id, expected)) = expected else {
        return Ok(true);
    };
    let row = load_row::<P, _>(views, &id, Consistency::Strong).await?;
    Ok(row.is_some_and(|row| row.view == expected))
}
