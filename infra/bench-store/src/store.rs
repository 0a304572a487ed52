//! What a store must do to be measured, and the list of those that are.
//!
//! The stores are objects behind one interface, because the command line chooses among them and their rounds are
//! interleaved; the box for each call costs a ten-thousandth of the request in it.

use anyhow::Result;
use async_trait::async_trait;
use clap::ValueEnum;
use ports::Backoff;
use serde::Serialize;

use crate::place::Place;
use crate::stores::{dynamo_es, event_store_adapter, floor, ours, tip};
use crate::tally::{Added, Tally};

/// How often a caller tries a command that loses against other writers. A command that nobody contends with and
/// that is refused this often will be refused for ever.
const CALLS_MAX: u32 = 20;

/// A store as one process has it open.
#[async_trait(?Send)]
pub(crate) trait Store {
    /// Carries out one command that leads to these events, and tells how often it had to be called.
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32>;

    /// The state of a stream as a process sees it that knows nothing of it.
    async fn load(&self, stream: &str) -> Result<Tally>;
}

/// The stores that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// A hand-written conditional PutItem of the same bytes, and nothing else
    FloorWarm,
    /// The same behind a query
    FloorCold,
    /// Our store, with the stream's state in the process
    OursWarm,
    /// Our store in a process that knows nothing
    OursCold,
    /// Our store with 64 commands at a time on one stream
    OursGrouped,
    /// dynamo-es as its README begins
    DynamoEs,
    /// dynamo-es with a snapshot every 10 events
    DynamoEsSnapshots,
    /// event-store-adapter-rs with a snapshot every 10 events
    EventStoreAdapter,
    /// Events and state in one item of up to 32 KB, rewritten by each command: the layout of Equinox
    Tip,
}

impl Name {
    /// All, or the chosen ones, in order.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|name| only.is_empty() || only.contains(name))
            .collect()
    }

    /// How it is spelt on the command line and in results.
    pub(crate) fn text(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How many commands it is given at a time on one stream.
    pub(crate) fn at_a_time(self) -> usize {
        if self == Self::OursGrouped { 64 } else { 1 }
    }

    /// Whether it is somebody else's.
    pub(crate) fn is_peer(self) -> bool {
        matches!(
            self,
            Self::DynamoEs | Self::DynamoEsSnapshots | Self::EventStoreAdapter | Self::Tip
        )
    }

    /// Opens it, with its tables.
    pub(crate) async fn open(self, place: &Place) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::FloorWarm => Box::new(floor::Floor::open(place, true)),
            Self::FloorCold => Box::new(floor::Floor::open(place, false)),
            Self::OursWarm | Self::OursGrouped => Box::new(ours::Ours::open(place, true)),
            Self::OursCold => Box::new(ours::Ours::open(place, false)),
            Self::DynamoEs => Box::new(dynamo_es::DynamoEs::open(place, None).await),
            Self::DynamoEsSnapshots => {
                Box::new(dynamo_es::DynamoEs::open(place, Some(SNAPSHOT_EVERY)).await)
            }
            Self::EventStoreAdapter => Box::new(event_store_adapter::Adapter::open(place).await?),
            Self::Tip => Box::new(tip::Tip::open(place).await),
        })
    }
}

/// Events between two snapshots of the stores that let their users choose: what their examples have.
pub(crate) const SNAPSHOT_EVERY: usize = 10;

/// A command that nobody applies.
#[derive(Debug, thiserror::Error)]
#[error("refused {CALLS_MAX} times because of a conflict")]
pub(crate) struct Refused;

/// What became of one call.
pub(crate) enum Call {
    /// The events are stored.
    Applied,
    /// Another writer was faster.
    Conflict,
}

/// Calls until the command is applied, with the pauses that our own store makes, and tells how often. For the
/// stores that leave this to their user.
pub(crate) async fn until_applied(
    events: &[Added],
    mut call: impl AsyncFnMut() -> Result<Call>,
) -> Result<u32> {
    let seed = events.first().map_or(0, |event| event.amount);
    for calls in 1..=CALLS_MAX {
        match call().await? {
            Call::Applied => return Ok(calls),
            Call::Conflict => pause(calls - 1, seed).await,
        }
    }
    Err(Refused.into())
}

/// The first lost race is followed up at once, later ones after a pause.
async fn pause(retry: u32, seed: u64) {
    if retry > 0 {
        tokio::time::sleep(Backoff::RACE.wait(retry, seed)).await;
    }
}
