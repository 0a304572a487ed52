//! Commands of one writer: what each costs, how long it takes, and whether the state is right in the end.
//!
//! The stores take turns after each stream, that is many times a second, so that whatever else the machine does hits
//! all alike. Throughput is compared within each turn, too. A stream is opened by one command that is not measured; every later one finds the stream there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use ports::{Ids as _, RandomIds};
use serde::Serialize;

use crate::arguments::Arguments;
use crate::place::Place;
use crate::progress::Step;
use crate::statistics::{Cost, Speed, median};
use crate::store::{Name, Store};
use crate::tally::{Added, Tally, fresh};

/// Measured commands on each stream: ten snapshots of the stores that take one every ten events.
const COMMANDS_PER_STREAM: usize = 100;

/// What the commands of one store came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    pub(crate) store: Name,
    pub(crate) events_per_command: usize,
    #[serde(flatten)]
    pub(crate) cost: Cost,
    #[serde(flatten)]
    pub(crate) speed: Speed,
    /// Throughput as a share of the warm floor's, stream by stream; the median.
    pub(crate) of_floor: Option<f64>,
    /// Streams whose loaded state was not the true one.
    pub(crate) streams_wrong: usize,
    pub(crate) streams: usize,
}

/// A store in one round.
struct Turn {
    name: Name,
    store: Box<dyn Store>,
    place: Place,
    times: Vec<Duration>,
    /// Commands per second on each stream.
    speeds: Vec<f64>,
    usage: testkit::Usage,
    wrong: usize,
}

/// All rounds of all stores, commands of so many events.
pub(crate) async fn measure(arguments: &Arguments, events: usize) -> Result<Vec<Written>> {
    let names = Name::chosen(&arguments.only);
    let streams = (arguments.commands as usize).div_ceil(COMMANDS_PER_STREAM);
    let rounds = arguments.rounds as usize;
    let turns = (rounds + 1) * streams * names.len();
    let step = Step::start(format!("commands of {events}"), turns);
    let counted = round(arguments, &names, events, streams, true, &step).await?;
    let mut timed = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        timed.push(round(arguments, &names, events, streams, false, &step).await?);
    }
    step.done();
    let mut written = Vec::new();
    for (index, turn) in counted.iter().enumerate() {
        let of_rounds = timed.iter().map(|turns| &turns[index]);
        let speed = speed(of_rounds.clone());
        let wrong = turn.wrong + of_rounds.map(|turn| turn.wrong).sum::<usize>();
        written.push(Written {
            store: turn.name,
            events_per_command: events,
            cost: Cost::each(turn.usage, turn.times.len()),
            speed,
            of_floor: of_floor(&timed, index),
            streams_wrong: wrong,
            streams: streams * (rounds + 1),
        });
    }
    Ok(written)
}

/// The throughput of a store over that of the warm floor a moment before or after: the median over all streams of all
/// rounds.
fn of_floor(timed: &[Vec<Turn>], index: usize) -> Option<f64> {
    let mut shares = Vec::new();
    for turns in timed {
        let floor = turns.iter().find(|turn| turn.name == Name::FloorWarm)?;
        let pairs = turns[index].speeds.iter().zip(&floor.speeds);
        shares.extend(pairs.map(|(own, floor)| own / floor));
    }
    Some(median(shares.into_iter()))
}

/// The medians of a store: of the throughput over all streams, of the percentiles over all rounds.
fn speed<'a>(rounds: impl Iterator<Item = &'a Turn> + Clone) -> Speed {
    let of_rounds: Vec<Speed> = rounds
        .clone()
        .map(|turn| Speed::of(&turn.times, turn.times.iter().sum()))
        .collect();
    Speed {
        per_second: median(rounds.flat_map(|turn| turn.speeds.iter().copied())),
        ..Speed::median(&of_rounds)
    }
}

async fn round(
    arguments: &Arguments,
    names: &[Name],
    events: usize,
    streams: usize,
    metered: bool,
    step: &Step,
) -> Result<Vec<Turn>> {
    let mut turns = Vec::with_capacity(names.len());
    for &name in names {
        let place = Place::new(arguments.endpoint.as_deref(), metered).await;
        turns.push(Turn::new(name, place).await?);
    }
    for _ in 0..streams {
        for turn in &mut turns {
            let name = turn.name.text();
            step.next(&name);
            turn.stream(events)
                .await
                .with_context(|| format!("{name} failed"))?;
        }
    }
    Ok(turns)
}

impl Turn {
    async fn new(name: Name, place: Place) -> Result<Self> {
        Ok(Self {
            name,
            store: name.open(&place).await?,
            place,
            times: Vec::new(),
            speeds: Vec::new(),
            usage: testkit::Usage::default(),
            wrong: 0,
        })
    }

    /// All commands on one stream.
    async fn stream(&mut self, events: usize) -> Result<()> {
        let stream = RandomIds.next().to_string();
        let opening = fresh(events);
        self.store.command(&stream, &opening).await?;
        let mut truth = Tally::default().after(&opening);
        self.place.take();
        let (before, mut busy) = (self.times.len(), Duration::ZERO);
        let at_a_time = self.name.at_a_time();
        for _ in 0..COMMANDS_PER_STREAM.div_ceil(at_a_time) {
            let commands: Vec<Vec<Added>> = (0..at_a_time).map(|_| fresh(events)).collect();
            let started = Instant::now();
            let running = commands
                .iter()
                .map(|command| timed(&*self.store, &stream, command));
            let times = try_join_all(running).await?;
            busy += started.elapsed();
            self.times.extend(times);
            truth = commands
                .iter()
                .fold(truth, |truth, command| truth.after(command));
        }
        let commands = self.times.len() - before;
        self.speeds.push(commands as f64 / busy.as_secs_f64());
        add(&mut self.usage, self.place.take());
        self.wrong += usize::from(self.store.load(&stream).await? != truth);
        Ok(())
    }
}

/// How long one command takes.
async fn timed(store: &dyn Store, stream: &str, events: &[Added]) -> Result<Duration> {
    let started = Instant::now();
    store.command(stream, events).await?;
    Ok(started.elapsed())
}

fn add(total: &mut testkit::Usage, usage: testkit::Usage) {
    total.requests += usage.requests;
    total.failed += usage.failed;
    total.write_units += usage.write_units;
    total.read_units += usage.read_units;
    total.bytes_sent += usage.bytes_sent;
}

/// How many times as fast one of our stores is as each peer.
pub(crate) fn ahead(written: &[Written], ours: Name) -> BTreeMap<String, f64> {
    let speed = |name| written.iter().find(|row| row.store == name);
    let Some(own) = speed(ours) else {
        return BTreeMap::new();
    };
    let peers = written.iter().filter(|row| row.store.is_peer());
    peers
        .map(|peer| {
            let times = own.speed.per_second / peer.speed.per_second;
            (peer.store.text(), times)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hundred commands cost, and whether the state was right.
    async fn hundred(name: Name) -> (f64, f64, f64, bool) {
        let place = Place::new(None, true).await;
        let mut turn = Turn::new(name, place).await.expect("the store opens");
        turn.stream(1).await.expect("the commands are applied");
        let cost = Cost::each(turn.usage, turn.times.len());
        let right = turn.wrong == 0;
        (cost.requests, cost.write_units, cost.read_units, right)
    }

    #[tokio::test]
    async fn our_store_and_the_floor_cost_the_same() {
        assert_eq!(hundred(Name::FloorWarm).await, (1.0, 1.0, 0.0, true));
        assert_eq!(hundred(Name::OursWarm).await, (1.0, 1.0, 0.0, true));
        assert_eq!(hundred(Name::FloorCold).await, (2.0, 1.0, 0.5, true));
        assert_eq!(hundred(Name::OursCold).await, (2.0, 1.0, 0.5, true));
    }

    #[tokio::test]
    async fn no_request_of_a_peer_escapes_the_meter() {
        let (requests, writes, reads, right) = hundred(Name::DynamoEs).await;
        assert_eq!((requests, writes, right), (2.0, 2.0, true));
        assert!(reads > 5.0, "all events are read: {reads}");
        let (requests, writes, ..) = hundred(Name::DynamoEsSnapshots).await;
        assert_eq!((requests, writes), (3.0, 2.2));
        let (requests, writes, _, right) = hundred(Name::EventStoreAdapter).await;
        assert_eq!((requests, writes, right), (2.9, 4.2, true));
        let (requests, writes, _, right) = hundred(Name::Tip).await;
        assert_eq!((requests, right), (2.0, true));
        assert!(writes > 10.0, "the tip is rewritten: {writes}");
    }

    #[tokio::test]
    async fn a_state_that_counts_events_twice_is_told_from_the_true_one() {
        let (.., right) = hundred(Name::DynamoEsSnapshots).await;
        assert!(!right);
    }
}
