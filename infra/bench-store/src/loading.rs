//! Loads of a stream by a process that knows nothing of it.
//!
//! The stream is written by the store itself, five events a command. dynamo-es reads no second page: once a stream
//! has passed 1 MB it takes no more commands, and what a load of it returns is not its state.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ports::{Ids as _, RandomIds};
use serde::Serialize;

use crate::arguments::Arguments;
use crate::place::Place;
use crate::progress::Step;
use crate::statistics::{Cost, Speed};
use crate::store::{Name, Refused, Store};
use crate::tally::{Tally, fresh};

/// Lengths of the streams, in events.
pub(crate) const LENGTHS: [usize; 2] = [100, 10_000];

const EVENTS_PER_COMMAND: usize = 5;
const LOADS_PER_ROUND: usize = 20;

/// What loads came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Loaded {
    pub(crate) store: Name,
    pub(crate) events: usize,
    /// After how many events the store took no more, if it did.
    pub(crate) refused_after: Option<u64>,
    #[serde(flatten)]
    pub(crate) cost: Cost,
    #[serde(flatten)]
    pub(crate) speed: Speed,
    pub(crate) right: bool,
}

struct Grown {
    name: Name,
    /// Without a meter, and with no memory of the stream.
    store: Box<dyn Store>,
    /// The embedded tables go with the last place that knows them.
    _place: Place,
    truth: Tally,
    refused: bool,
    rounds: Vec<Speed>,
    cost: Cost,
    right: bool,
}

/// Loads of streams of this length. Cold and warm variants of one store load alike, and are measured once.
pub(crate) async fn measure(arguments: &Arguments, length: usize) -> Result<Vec<Loaded>> {
    let mut names = Name::chosen(&arguments.only);
    names.retain(|name| !matches!(name, Name::FloorCold | Name::OursCold | Name::OursGrouped));
    let rounds = arguments.rounds as usize;
    let step = Step::start(format!("loads of {length}"), names.len() * (rounds + 1));
    let stream = RandomIds.next().to_string();
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        step.next(&format!("{} writes", name.text()));
        let grown = grow(arguments, name, &stream, length).await;
        all.push(grown.with_context(|| format!("{} failed", name.text()))?);
    }
    for _ in 0..rounds {
        for grown in &mut all {
            step.next(&grown.name.text());
            grown.loads(&stream).await?;
        }
    }
    step.done();
    let loaded = |grown: Grown| Loaded {
        store: grown.name,
        events: length,
        refused_after: grown.refused.then_some(grown.truth.events),
        cost: grown.cost,
        speed: Speed::median(&grown.rounds),
        right: grown.right,
    };
    Ok(all.into_iter().map(loaded).collect())
}

/// Writes the stream, and counts one load of it.
async fn grow(arguments: &Arguments, name: Name, stream: &str, length: usize) -> Result<Grown> {
    let place = Place::new(arguments.endpoint.as_deref(), true).await;
    let store = name.open(&place).await?;
    let mut truth = Tally::default();
    let mut refused = false;
    for _ in 0..length / EVENTS_PER_COMMAND {
        let events = fresh(EVENTS_PER_COMMAND);
        match store.command(stream, &events).await {
            Ok(_) => truth = truth.after(&events),
            Err(error) if error.is::<Refused>() => {
                refused = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    place.take();
    let right = store.load(stream).await? == truth;
    let unmetered = place.unmetered();
    Ok(Grown {
        name,
        cost: Cost::each(place.take(), 1),
        store: name.open(&unmetered).await?,
        _place: unmetered,
        truth,
        refused,
        rounds: Vec::new(),
        right,
    })
}

impl Grown {
    async fn loads(&mut self, stream: &str) -> Result<()> {
        let mut times = Vec::with_capacity(LOADS_PER_ROUND);
        for _ in 0..LOADS_PER_ROUND {
            let started = Instant::now();
            self.right &= self.store.load(stream).await? == self.truth;
            times.push(started.elapsed());
        }
        let all: Duration = times.iter().sum();
        self.rounds.push(Speed::of(&times, all));
        Ok(())
    }
}
