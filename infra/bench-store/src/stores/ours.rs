//! Our store, through the interface that functions use.
//!
//! A cold command is one of a new process: a decider without a cache. The connection stays open, for all stores alike.

use adapter_dynamodb::EventStore;
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use envelope::{Cause, CommandId};
use event_store::contract::{Added as Amount, Command};
use event_store::{Decider, ExecuteError};
use ports::{Consistency, Ids as _, RandomIds, SystemClock};
use testkit::dynamo::EVENTS_TABLE;

use crate::place::Place;
use crate::store::{Call, Store, until_applied};
use crate::tally::{Added, Tally};

type Process = Decider<event_store::contract::Tally, EventStore, SystemClock>;

/// Our store in one process.
pub(crate) struct Ours {
    store: EventStore,
    warm: Option<Process>,
}

impl Ours {
    /// Warm processes keep their decider.
    pub(crate) fn open(place: &Place, warm: bool) -> Self {
        let store = EventStore::new(place.client(), EVENTS_TABLE);
        Self {
            warm: warm.then(|| cold(&store)),
            store,
        }
    }
}

fn cold(store: &EventStore) -> Process {
    Decider::new(store.clone(), SystemClock)
}

fn amount(added: &Added) -> Amount {
    Amount {
        amount: added.amount,
        padding: added.padding.clone(),
        ballast: None,
    }
}

#[async_trait(?Send)]
impl Store for Ours {
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32> {
        let cause = Cause::command(&CommandId::from_uuid(RandomIds.next()));
        let command = Command::Add(events.iter().map(amount).collect());
        until_applied(events, async || {
            let executed = match &self.warm {
                Some(process) => process.execute(stream, &cause, &command).await,
                None => cold(&self.store).execute(stream, &cause, &command).await,
            };
            match executed {
                Ok(_) => Ok(Call::Applied),
                Err(ExecuteError::Contended) => Ok(Call::Conflict),
                Err(error) => Err(error).context("the command failed"),
            }
        })
        .await
    }

    async fn load(&self, stream: &str) -> Result<Tally> {
        let folded = cold(&self.store)
            .load(stream, Consistency::Eventual)
            .await
            .context("the stream cannot be loaded")?;
        Ok(Tally {
            sum: folded.state.sum,
            events: folded.state.events,
        })
    }
}
