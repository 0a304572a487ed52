//! The floor: what a program costs that was written for this one benchmark by hand.
//!
//! It writes the bytes that our store writes (and its answers to conflicts are as large), so that the distance between
//! the two is what the library itself takes. It knows one kind of event, keeps no history but the events, and does
//! nothing about lost answers.

use std::collections::HashMap;
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use ports::{Ids as _, RandomIds};
use testkit::dynamo::EVENTS_TABLE;

use crate::place::Place;
use crate::store::{Call, Store, until_applied};
use crate::tally::{Added, Tally};

/// Bytes of a trace context, and of the digests of eight commits, as our store keeps them.
const TRACE: [u8; 25] = [7; 25];
const DIGESTS: [u8; 64] = [7; 64];

/// A conditional PutItem, and nothing else.
pub(crate) struct Floor {
    client: Client,
    warm: Option<Mutex<HashMap<String, Tally>>>,
}

impl Floor {
    /// A warm one remembers the states that it wrote.
    pub(crate) fn open(place: &Place, warm: bool) -> Self {
        Self {
            client: place.client(),
            warm: warm.then(Mutex::default),
        }
    }

    fn known(&self, stream: &str) -> Option<Tally> {
        let states = self.warm.as_ref()?.lock().expect("no user panicked");
        states.get(stream).copied()
    }

    fn remember(&self, stream: &str, tally: Option<Tally>) {
        let Some(states) = &self.warm else { return };
        let mut states = states.lock().expect("no user panicked");
        match tally {
            Some(tally) => states.insert(stream.to_owned(), tally),
            None => states.remove(stream),
        };
    }

    async fn put(&self, stream: &str, before: Tally, events: &[Added]) -> Result<Call> {
        let after = before.after(events);
        let result = self
            .client
            .put_item()
            .table_name(EVENTS_TABLE)
            .item("p", key(stream))
            .item("v", number(before.events + 1))
            .item("e", blob(&stored(events)?))
            .item("c", AttributeValue::S(RandomIds.next().to_string()))
            .item("t", number(1_795_212_345_678))
            .item("w", blob(&TRACE))
            .item("h", number(1))
            .item("s", blob(&serde_json::to_vec(&after)?))
            .item("r", blob(&DIGESTS))
            .condition_expression("attribute_not_exists(p)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => {
                self.remember(stream, Some(after));
                Ok(Call::Applied)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                self.remember(stream, None);
                Ok(Call::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn key(stream: &str) -> AttributeValue {
    AttributeValue::S(format!("Tally#{stream}"))
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn blob(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

fn stored(events: &[Added]) -> Result<Vec<u8>> {
    #[derive(serde::Serialize)]
    struct Stored<'a> {
        t: &'a str,
        d: &'a Added,
    }
    let stored: Vec<_> = events.iter().map(|d| Stored { t: "Added", d }).collect();
    Ok(serde_json::to_vec(&stored)?)
}

#[async_trait(?Send)]
impl Store for Floor {
    async fn command(&self, stream: &str, events: &[Added]) -> Result<u32> {
        until_applied(events, async || {
            let before = match self.known(stream) {
                Some(before) => before,
                None => self.load(stream).await?,
            };
            self.put(stream, before, events).await
        })
        .await
    }

    async fn load(&self, stream: &str) -> Result<Tally> {
        let page = self
            .client
            .query()
            .table_name(EVENTS_TABLE)
            .key_condition_expression("p = :p")
            .expression_attribute_values(":p", key(stream))
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await?;
        let Some(newest) = page.items().first() else {
            return Ok(Tally::default());
        };
        match newest.get("s") {
            Some(AttributeValue::B(state)) => {
                serde_json::from_slice(state.as_ref()).context("the state is not JSON")
            }
            _ => bail!("the newest item has no state"),
        }
    }
}
