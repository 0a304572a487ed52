//! Eight processes that write to one stream at once: every command must count exactly once.
//!
//! Each process opens the store for itself, with a client and a cache of its own, as functions on eight machines do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use ports::{Ids as _, RandomIds};
use serde::Serialize;

use crate::arguments::Arguments;
use crate::place::Place;
use crate::progress::Step;
use crate::statistics::{Cost, Speed};
use crate::store::{Name, Store};
use crate::tally::{Added, Tally, fresh};

const WRITERS: usize = 8;
const COMMANDS_PER_WRITER: usize = 50;

/// What became of the commands of eight writers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contended {
    pub(crate) store: Name,
    #[serde(flatten)]
    pub(crate) cost: Cost,
    #[serde(flatten)]
    pub(crate) speed: Speed,
    /// How often a command was called until it was applied, on average.
    pub(crate) calls: f64,
    /// Events missing from the loaded states, over all rounds.
    pub(crate) lost: u64,
    /// Events too many in the loaded states, over all rounds.
    pub(crate) doubled: u64,
    pub(crate) right: bool,
}

#[derive(Default)]
struct Sum {
    name: Option<Name>,
    rounds: Vec<Speed>,
    cost: Option<Cost>,
    calls: u64,
    commands: u64,
    lost: u64,
    doubled: u64,
    wrong: bool,
}

/// All rounds of all stores. Variants that differ only in what one process does at a time are left out.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Contended>> {
    let mut names = Name::chosen(&arguments.only);
    names.retain(|name| *name != Name::OursGrouped);
    let rounds = arguments.rounds as usize;
    let step = Step::start("8 writers on one stream", names.len() * (rounds + 1));
    let mut sums: Vec<Sum> = names.iter().map(|_| Sum::default()).collect();
    for round in 0..=rounds {
        for (name, sum) in names.iter().zip(&mut sums) {
            step.next(&name.text());
            let place = Place::new(arguments.endpoint.as_deref(), round == 0).await;
            let race = race(*name, &place, sum).await;
            race.with_context(|| format!("{} failed", name.text()))?;
        }
    }
    step.done();
    Ok(sums.into_iter().filter_map(Sum::finish).collect())
}

impl Sum {
    fn finish(self) -> Option<Contended> {
        Some(Contended {
            store: self.name?,
            cost: self.cost?,
            speed: Speed::median(&self.rounds),
            calls: self.calls as f64 / self.commands as f64,
            lost: self.lost,
            doubled: self.doubled,
            right: !self.wrong,
        })
    }
}

/// One race; the one at a metered place is counted, all others timed.
async fn race(name: Name, place: &Place, sum: &mut Sum) -> Result<()> {
    let stream = RandomIds.next().to_string();
    let mut writers = Vec::with_capacity(WRITERS);
    for _ in 0..WRITERS {
        writers.push(name.open(place).await?);
    }
    let opening = fresh(1);
    writers[0].command(&stream, &opening).await?;
    let work: Vec<Vec<Added>> = (0..WRITERS).map(|_| fresh(COMMANDS_PER_WRITER)).collect();
    place.take();
    let started = Instant::now();
    let running = writers.iter().zip(&work);
    let results = try_join_all(running.map(|(store, work)| write(&**store, &stream, work))).await?;
    let took = started.elapsed();
    let usage = place.take();
    let commands = WRITERS * COMMANDS_PER_WRITER;
    if usage.requests > 0 {
        sum.cost = Some(Cost::each(usage, commands));
    } else {
        let times: Vec<Duration> = results.iter().flatten().map(|(time, _)| *time).collect();
        sum.rounds.push(Speed::of(&times, took));
    }
    let calls = results.iter().flatten().map(|(_, calls)| u64::from(*calls));
    let truth = work
        .iter()
        .fold(Tally::default().after(&opening), |t, work| t.after(work));
    let loaded = writers[0].load(&stream).await?;
    sum.name = Some(name);
    sum.calls += calls.sum::<u64>();
    sum.commands += commands as u64;
    sum.lost += truth.events.saturating_sub(loaded.events);
    sum.doubled += loaded.events.saturating_sub(truth.events);
    sum.wrong |= loaded != truth;
    Ok(())
}

/// One writer's commands, one event each: the time of each, and how often it was called.
async fn write(store: &dyn Store, stream: &str, work: &[Added]) -> Result<Vec<(Duration, u32)>> {
    let mut results = Vec::with_capacity(work.len());
    for event in work {
        let started = Instant::now();
        let calls = store.command(stream, std::slice::from_ref(event)).await?;
        results.push((started.elapsed(), calls));
    }
    Ok(results)
}
