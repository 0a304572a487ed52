//! The layout of Equinox, written anew: one item for each stream, its tip, holds the newest events and the state.
//!
//! Each command reads the tip and rewrites it, under the condition that its version is still the one that was read.
//! When the tip would pass 32 KB, its events move to an item of their own in the same transaction. Equinox itself is
//! for .NET; what is measured is the layout, without Equinox's cache (which saves the read, and none of the write
//! units that are most of the price).

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use crate::place::Place;
use crate::store::{Call, Store, until_applied};
use crate::tally::{Added, Tally};

const TABLE: &str = "bench-tip";
/// The size at which Equinox moves a tip's events out, by default.
const TIP_BYTES_MAX: usize = 32 * 1024;
/// The tip's place among a stream's items; the others are numbered by their last event.
const TIP: &str = "0";

/// One table with one tip for each stream.
pub(crate) struct Tip {
    client: Client,
}

type Item = HashMap<String, AttributeValue>;

/// The newest events of a stream as stored, its state, and its version.
#[derive(Default)]
struct Newest {
    events: Vec<AttributeValue>,
    state: Tally,
}

impl Tip {
    /// Opens it, with its table.
    pub(crate) async fn open(place: &Place) -> Self {
        place.create_table(TABLE, ("p", S), Some(("i", N))).await;
        Self {
            client: place.client(),
        }
    }

    async fn read(&self, stream: &str) -> Result<Newest> {
        let output = self
            .client
            .get_item()
            .table_name(TABLE)
            .key("p", AttributeValue::S(stream.to_owned()))
            .key("i", AttributeValue::N(TIP.to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        let Some(mut item) = output.item else {
            return Ok(Newest::default());
        };
        match (item.remove("e"), item.remove("u")) {
            (Some(AttributeValue::L(events)), Some(AttributeValue::B(state))) => Ok(Newest {
                events,
                state: serde_json::from_slice(state.as_ref())?,
            }),
            _ => bail!("the tip cannot be read"),
        }
    }

    async fn write(&self, stream: &str, newest: Newest, added: &[Added]) -> Result<Call> {
        let version = newest.state.events;
        let state = newest.state.after(added);
        let mut fresh = Vec::with_capacity(added.len());
        for event in added {
            fresh.push(AttributeValue::B(Blob::new(serde_json::to_vec(event)?)));
        }
        let bytes: usize = newest.events.iter().chain(&fresh).map(size).sum();
        let mut events = newest.events;
        if bytes <= TIP_BYTES_MAX {
            events.extend(fresh);
            let tip = tip(stream, events, state)?;
            return self.replace(tip, version).await;
        }
        let moved = item(stream, &version.to_string(), events);
        self.replace_and_move(tip(stream, fresh, state)?, version, moved)
            .await
    }

    async fn replace(&self, tip: Item, version: u64) -> Result<Call> {
        let result = self
            .client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(tip))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":n", AttributeValue::N(version.to_string()))
            .send()
            .await;
        match result.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(Call::Applied),
            Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(Call::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn replace_and_move(&self, tip: Item, version: u64, moved: Item) -> Result<Call> {
        let tip = Put::builder()
            .table_name(TABLE)
            .set_item(Some(tip))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":n", AttributeValue::N(version.to_string()))
            .build()?;
        let moved = Put::builder()
            .table_name(TABLE)
            .set_item(Some(moved))
            .build()?;
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(tip).build())
            .transact_items(TransactWriteItem::builder().put(moved).build())
            .send()
            .await;
        match result.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(Call::Applied),
            Err(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(Call::Conflict),
            Err(error) => Err(error.into()),
        }
    }
}

const UNCHANGED: &str = "attribute_not_exists(p) OR n = :n";

fn size(event: &AttributeValue) -> usize {
    event.as_b().map_or(0, |blob| blob.as_ref().len())
}

fn item(stream: &str, index: &str, events: Vec<AttributeValue>) -> Item {
    Item::from([
        ("p".to_owned(), AttributeValue::S(stream.to_owned())),
        ("i".to_owned(), AttributeValue::N(index.to_owned())),
        ("e".to_owned(), AttributeValue::L(events)),
    ])
}

fn tip(stream: &str, events: Vec<AttributeValue>, state: Tally) -> Result<Item> {
    let mut tip = item(stream, TIP, events);
    let json = serde_json::to_vec(&state).context("a state is JSON")?;
    tip.insert("u".to_owned(), AttributeValue::B(Blob::new(json)));
    let version = AttributeValue::N(state.events.to_string());
    tip.insert("n".to_owned(), version);
    Ok(tip)
}

#[async_trait(?Send)]
impl Store for Tip {
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32> {
        until_applied(events, async || {
            let newest = self.read(stream).await?;
            self.write(stream, newest, events).await
        })
        .await
    }

    async fn load(&self, stream: &str) -> Result<Tally> {
        Ok(self.read(stream).await?.state)
    }
}
