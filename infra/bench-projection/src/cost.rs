//! What an event costs, counted exactly: delivered alone, and with all others of its view.

use std::time::Instant;

use adapter_dynamodb::{EventStore, Views};
use anyhow::Result;
use event_store::Commit;
use ports::SystemClock;
use projection_kit::{Projection, Projector};
use serde::Serialize;
use testkit::{Dynamo, Meter, dynamo};

use crate::rebuilding::deliver;
use crate::shop;

const ORDERS: u32 = 200;

/// For each event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    pub(crate) requests: f64,
    /// Requests that write: all but the one read of each delivery.
    pub(crate) writes: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) events_per_second: f64,
}

/// Of one read model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    pub(crate) model: &'static str,
    pub(crate) single: Usage,
    pub(crate) together: Usage,
}

pub(crate) async fn measure<P: Projection>(dynamo: &Dynamo) -> Result<Cost> {
    // Orders that nobody else knows, and that the two have not in common.
    let first = 2_000_000_000;
    Ok(Cost {
        model: P::NAME,
        single: usage::<P>(dynamo, first, 1).await?,
        together: usage::<P>(dynamo, first + ORDERS, shop::EVENTS_OF_AN_ORDER).await?,
    })
}

async fn usage<P: Projection>(dynamo: &Dynamo, first: u32, together: usize) -> Result<Usage> {
    let meter = Meter::default();
    let store = EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE);
    let views = Views::new(dynamo.metered_client(&meter), dynamo::VIEWS_TABLE);
    let projector = Projector::<P, _, _, _>::new(store, views, SystemClock);
    let (mut events, mut deliveries) = (0_usize, 0_usize);
    let begun = Instant::now();
    for number in first..first + ORDERS {
        for commits in shop::order(number).await.chunks(together) {
            let told: Vec<_> = commits.iter().flat_map(Commit::envelopes).collect();
            deliver(&projector, &told).await?;
            events += told.len();
            deliveries += 1;
        }
    }
    let (seconds, used, events) = (begun.elapsed().as_secs_f64(), meter.take(), events as f64);
    Ok(Usage {
        requests: f64::from(used.requests) / events,
        writes: (f64::from(used.requests) - deliveries as f64) / events,
        write_units: used.write_units / events,
        read_units: used.read_units / events,
        events_per_second: events / seconds,
    })
}
