//! A rebuild while orders go on arriving, and whether its result is right.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use adapter_dynamodb::{EventStore, Views};
use anyhow::{Context as _, Result, ensure};
use domain::StockItem;
use envelope::Envelope;
use event_store::rebuild::{MemoryCheckpoints, Rebuild};
use event_store::{Commit, Decider, Scan as _};
use ports::{Consistency, SystemClock};
use projection_kit::{Projection, Projector, Rebuilt, list_totals, load_row};
use reaction::ReactTogether as _;
use serde::Serialize;
use testkit::{Dynamo, dynamo};

use crate::shop;

/// Between two orders that arrive while it is rebuilt.
const PAUSE: Duration = Duration::from_millis(20);
/// Items of a page when everything is compared with the store.
const PAGE: u32 = 1_000;

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

/// The `number`th rebuild: each has live orders of its own.
pub(crate) async fn measure<P: Projection>(dynamo: &Dynamo, number: u32) -> Result<Rebuilding> {
    let store = EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE);
    let views = Views::new(dynamo.client(), dynamo::VIEWS_TABLE);
    let estimate = store.estimate().await.unwrap_or_default();
    let bar = shop::bar(&format!("Rebuilding {}", P::NAME), estimate);
    let ended = Cell::new(false);
    let live = async {
        let projector = Projector::<P, _, _, _>::new(store.clone(), views.clone(), SystemClock);
        let stock = Decider::<StockItem, _, _>::new(store.clone(), SystemClock);
        let (mut order, mut arrived) = (u32::MAX - (number + 1) * 1_000_000, 0);
        while !ended.get() {
            let commits = shop::order(order).await;
            for commit in &commits {
                shop::append(&store, commit).await?;
            }
            let mut events: Vec<_> = commits.iter().flat_map(Commit::envelopes).collect();
            events.extend(shop::replenish(&stock, order).await?);
            arrived += deliver(&projector, &events).await?;
            order += 1;
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(arrived)
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
    let (live, (rebuilt, took)) = futures::join!(live, rebuilt);
    let (live, rebuilt) = (live?, rebuilt?);
    bar.finish_and_clear();
    ensure!(rebuilt.set_aside.is_empty(), "nothing is unreadable");
    Ok(Rebuilding {
        model: P::NAME,
        events: rebuilt.events,
        seconds: took.as_secs_f64(),
        live,
        right: is_right::<P>(&store, &views).await?,
    })
}

/// Delivers events, those of one view together, as a host does; says how many concern the model.
pub(crate) async fn deliver<P: Projection>(
    projector: &Projector<P, EventStore, Views, SystemClock>,
    events: &[Envelope],
) -> Result<u64> {
    let mut views = BTreeMap::<_, Vec<Envelope>>::new();
    for event in events {
        if let Some(view) = projector.key(event) {
            views.entry(view).or_default().push(event.clone());
        }
    }
    let mut delivered = 0;
    for events in views.values() {
        for answer in projector.react(events).await {
            let failed = |failure: reaction::Failure| anyhow::anyhow!("{:?}", failure.error());
            answer.map_err(failed).context("an event was not folded")?;
            delivered += 1;
        }
    }
    Ok(delivered)
}

/// Whether every view, and every total, is what a plain fold of all stored events comes to.
async fn is_right<P: Projection>(store: &EventStore, views: &Views) -> Result<bool> {
    let mut expected = HashMap::<String, P::View>::new();
    let mut from = None;
    loop {
        let page = store.scan(0, 1, from.as_ref(), PAGE).await?;
        for commit in page.commits {
            let commit = commit?;
            if let Some(id) = P::view_of(&commit.stream) {
                let view = expected.entry(id.to_owned()).or_insert_with(|| P::new(id));
                for event in commit.envelopes() {
                    P::fold(view, &event)?;
                }
            }
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let mut totals = BTreeMap::<_, BTreeMap<_, BTreeMap<String, i64>>>::new();
    let bar = shop::bar(&format!("Checking {}", P::NAME), expected.len() as u64);
    for (id, expected) in &expected {
        let row = load_row::<P, _>(views, id, Consistency::Strong).await?;
        if row.is_none_or(|row| row.view != *expected) {
            return Ok(false);
        }
        for amounts in P::amounts(expected) {
            let list = totals.entry(amounts.list).or_default();
            let total = list.entry(amounts.place).or_default();
            for (name, amount) in amounts.amounts {
                *total.entry(name).or_default() += amount;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (list, expected) in totals {
        let found = list_totals::<P, _>(views, &list).await?;
        let found = found.into_iter().map(|total| (total.place, total.amounts));
        if found.collect::<BTreeMap<_, _>>() != expected {
            return Ok(false);
        }
    }
    Ok(true)
}
