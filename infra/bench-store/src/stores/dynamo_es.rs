//! dynamo-es, through the framework of cqrs-es, as the READMEs of both teach.
//!
//! With snapshots its states are wrong: the sink applies each event to the aggregate, and the snapshot applies it to
//! the same aggregate again. It is measured nevertheless; the column `state` says so.

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, DomainEvent, EventStore as _};
use dynamo_es::{DynamoCqrs, DynamoEventRepository};

use crate::place::Place;
use crate::store::{Call, Store, until_applied};
use crate::tally::{Added, Tally};

/// The framework for commands, and what it keeps to itself for loads.
pub(crate) struct DynamoEs {
    framework: DynamoCqrs<Tally>,
    store: PersistedEventStore<DynamoEventRepository, Tally>,
}

impl DynamoEs {
    /// With a snapshot after so many events, or without.
    pub(crate) async fn open(place: &Place, snapshot_every: Option<usize>) -> Self {
        let key = ("AggregateTypeAndId", S);
        let sequence = Some(("AggregateIdSequence", N));
        place.create_table("Events", key.clone(), sequence).await;
        place.create_table("Snapshots", key, None).await;
        let repository = DynamoEventRepository::new(place.client());
        let framework = CqrsFramework::new(store(repository, snapshot_every), vec![], ());
        let repository = DynamoEventRepository::new(place.client());
        Self {
            framework,
            store: store(repository, snapshot_every),
        }
    }
}

fn store(
    repository: DynamoEventRepository,
    snapshot_every: Option<usize>,
) -> PersistedEventStore<DynamoEventRepository, Tally> {
    match snapshot_every {
        Some(events) => PersistedEventStore::new_snapshot_store(repository, events),
        None => PersistedEventStore::new_event_store(repository),
    }
}

impl DomainEvent for Added {
    fn event_type(&self) -> String {
        "Added".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Tally {
    const TYPE: &'static str = "Tally";
    type Command = Vec<Added>;
    type Event = Added;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Vec<Added>,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in command {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Added) {
        self.add(&event);
    }
}

#[async_trait(?Send)]
impl Store for DynamoEs {
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32> {
        until_applied(events, async || {
            match self.framework.execute(stream, events.to_vec()).await {
                Ok(()) => Ok(Call::Applied),
                Err(AggregateError::AggregateConflict) => Ok(Call::Conflict),
                Err(error) => Err(anyhow!("the command failed: {error:?}")),
            }
        })
        .await
    }

    async fn load(&self, stream: &str) -> Result<Tally> {
        let loaded = self.store.load_aggregate(stream).await;
        let context = loaded.map_err(|error| anyhow!("the stream cannot be loaded: {error:?}"))?;
        Ok(context.aggregate)
    }
}
