//! event-store-adapter-rs: a repository around its store, as its example has one.
//!
//! The store takes one event at a time, so a command of five events is five writes, and not atomic. Every tenth event
//! takes a snapshot along.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};
use event_store_adapter_rs::{
    AggregateId, DynamoDbOptions, DynamoDbTables, EventEnvelope, EventStoreError,
    EventStoreForDynamoDB, SnapshotEnvelope,
};

use crate::place::Place;
use crate::store::{Call, SNAPSHOT_EVERY, Store, until_applied};
use crate::tally::{Added, Tally};

#[derive(Debug, Clone)]
struct TallyId(String);

impl AggregateId for TallyId {
    fn type_name(&self) -> String {
        "Tally".to_owned()
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// The store asks for a client that names how it sleeps, and does not see that the SDK has a default.
#[derive(Debug)]
struct TokioSleep;

impl AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

fn with_sleep(client: &Client) -> Client {
    let config = client.config().to_builder();
    Client::from_conf(config.sleep_impl(SharedAsyncSleep::new(TokioSleep)).build())
}

/// The store with its three tables.
pub(crate) struct Adapter {
    store: EventStoreForDynamoDB<TallyId, Tally, Added>,
}

/// A state, and the number of its newest event.
type Seen = (Tally, u64);

impl Adapter {
    /// Opens it with its default options: one snapshot for each stream.
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        let tables = DynamoDbTables {
            journal_table_name: "bench-journal".to_owned(),
            snapshot_table_name: "bench-snapshot".to_owned(),
            head_table_name: "bench-head".to_owned(),
            // Used where more than the newest snapshot is kept, which the default does not.
            snapshot_history_index_name: "bench-history".to_owned(),
        };
        for (table, range) in [
            (&tables.journal_table_name, Some(("seq_nr", N))),
            (&tables.snapshot_table_name, Some(("skey", N))),
            (&tables.head_table_name, None),
        ] {
            place.create_table(table, ("aid", S), range).await;
        }
        let options = DynamoDbOptions::default();
        let store = EventStoreForDynamoDB::open(with_sleep(&place.client()), tables, options)
            .await
            .context("the store does not open")?;
        Ok(Self { store })
    }

    async fn find(&self, id: &TallyId) -> Result<Seen> {
        let Some(read) = self.store.get_latest_snapshot_by_id(id).await? else {
            return Ok((Tally::default(), 0));
        };
        let head = read.head_seq_nr();
        let (mut tally, seq_nr) = read.snapshot().map_or((Tally::default(), 0), |snapshot| {
            (*snapshot.aggregate(), snapshot.seq_nr())
        });
        if seq_nr == head {
            return Ok((tally, head));
        }
        let tail = self.store.get_events_by_id_since_seq_nr(id, seq_nr + 1);
        let mut newest = seq_nr;
        for event in tail.await? {
            tally.add(event.payload());
            newest = event.seq_nr();
        }
        Ok((tally, newest))
    }

    async fn persist(
        &self,
        id: &TallyId,
        (before, seq_nr): Seen,
        added: &Added,
    ) -> Result<Seen, EventStoreError> {
        let mut after = before;
        after.add(added);
        let seq_nr = seq_nr + 1;
        let event = EventEnvelope::new(id.clone(), seq_nr, chrono::Utc::now(), added.clone())
            .with_manifest("Added");
        if seq_nr.is_multiple_of(SNAPSHOT_EVERY as u64) {
            let snapshot = SnapshotEnvelope::new(after, seq_nr).with_manifest("Tally");
            self.store
                .persist_event_and_snapshot(event, snapshot)
                .await?;
        } else {
            self.store.persist_event(event).await?;
        }
        Ok((after, seq_nr))
    }
}

#[async_trait(?Send)]
impl Store for Adapter {
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32> {
        let id = TallyId(stream.to_owned());
        // What is stored of a command stays stored when a later event of it meets a conflict.
        let mut left = events;
        until_applied(events, async || {
            let mut seen = self.find(&id).await?;
            while let Some((first, rest)) = left.split_first() {
                match self.persist(&id, seen, first).await {
                    Ok(after) => seen = after,
                    Err(EventStoreError::OptimisticLock { .. }) => return Ok(Call::Conflict),
                    Err(error) => return Err(error).context("the command failed"),
                }
                left = rest;
            }
            Ok(Call::Applied)
        })
        .await
    }

    async fn load(&self, stream: &str) -> Result<Tally> {
        Ok(self.find(&TallyId(stream.to_owned())).await?.0)
    }
}
