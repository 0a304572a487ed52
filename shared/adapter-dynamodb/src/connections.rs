//! Connections and their subscriptions on a DynamoDB table.
//!
//! | item | `p` | `s` | other attributes |
//! |---|---|---|---|
//! | a connection | `connection#` and its id | `-` | `c`: its caller; `t`: its topics, a set; `ttl` |
//! | a subscription | the topic | the connection's id | `ttl` |
//!
//! A subscription stands in both items, which are written in one transaction. So a connection's own
//! item always names all that has to go with it, and one condition bounds their number.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use envelope::Timestamp;
use ports::{
    CloseConnection, Connection, FindSubscribers, KeepConnections, Soon, SubscribeError,
    Unavailable,
};

use crate::item::{Item, number, parsed, string, text};
use crate::unavailable;

/// The sort key of a connection's own item.
const ITSELF: &str = "-";

/// How often a connection may get another subscription while it is being closed.
const CLOSINGS_MAX: u32 = 10;

/// Connections in one table. Clones share the connection to it. Errors and costs are those that the
/// traits name.
#[derive(Debug, Clone)]
pub struct Connections {
    client: Client,
    table: String,
}

impl Connections {
    /// Connections in this table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    async fn item(&self, id: &str) -> Result<Option<Item>, Unavailable> {
        let request = self.client.get_item().table_name(&self.table);
        let request = request.set_key(Some(own_key(id))).consistent_read(true);
        let output = request.send().await;
        Ok(output.map_err(unavailable("dynamodb:GetItem"))?.item)
    }

    async fn delete(&self, key: Item) -> Result<(), Unavailable> {
        let request = self.client.delete_item().table_name(&self.table);
        let deleted = request.set_key(Some(key)).send().await;
        deleted
            .map(drop)
            .map_err(unavailable("dynamodb:DeleteItem"))
    }

    /// Deletes a connection's own item if its topics are still these. False if they are not.
    async fn delete_with(&self, id: &str, topics: &[String]) -> Result<bool, Unavailable> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(own_key(id)));
        let request = if topics.is_empty() {
            request.condition_expression("attribute_not_exists(t)")
        } else {
            request
                .condition_expression("attribute_not_exists(p) OR t = :t")
                .expression_attribute_values(":t", AttributeValue::Ss(topics.to_vec()))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(
                    DeleteItemError::ConditionalCheckFailedException(_)
                    | DeleteItemError::TransactionConflictException(_),
                ) => Ok(false),
                _ => Err(unavailable("dynamodb:DeleteItem")(error)),
            },
        }
    }
}

fn own_key(id: &str) -> Item {
    key(&format!("connection#{id}"), ITSELF)
}

fn key(partition: &str, sort: &str) -> Item {
    Item::from([
        ("p".to_owned(), string(partition)),
        ("s".to_owned(), string(sort)),
    ])
}

/// DynamoDB counts in seconds; none too few.
fn ttl(until: Timestamp) -> AttributeValue {
    number(until.as_millis().div_euclid(1_000) + 1)
}

/// DynamoDB removes items up to days after their time, and the two of a subscription in any order:
/// the connection's own may be gone, and nobody left who would close it.
fn has_ended(item: &Item, now: Timestamp) -> bool {
    parsed(item, "ttl").is_some_and(|end_s: i64| end_s <= now.as_millis().div_euclid(1_000))
}

fn topics(item: &Item) -> BTreeSet<String> {
    let set = item.get("t").and_then(|topics| topics.as_ss().ok());
    set.into_iter().flatten().cloned().collect()
}

fn connection(item: &Item) -> Option<Connection> {
    let until_s: i64 = parsed(item, "ttl")?;
    Some(Connection {
        caller: text(item, "c")?.to_owned(),
        until: Timestamp::from_millis(until_s.saturating_mul(1_000)),
        topics: topics(item),
    })
}

fn wrong(error: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::new(TRANSACT, error).again(Soon::Unlikely)
}

const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// Why the connection's own item, the first of the transaction, was not as it had to be.
fn refusal(reasons: &[CancellationReason]) -> Option<SubscribeError> {
    let own = reasons.first()?;
    if own.code() != Some("ConditionalCheckFailed") {
        return None;
    }
    let exists = own.item().is_some_and(|item| !item.is_empty());
    Some(if exists {
        SubscribeError::TooMany
    } else {
        SubscribeError::NotOpen
    })
}

impl KeepConnections for Connections {
    async fn open(&self, id: &str, caller: &str, until: Timestamp) -> Result<(), Unavailable> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(own_key(id)))
            .item("c", string(caller))
            .item("ttl", ttl(until));
        let sent = put.send().await;
        sent.map(drop).map_err(unavailable("dynamodb:PutItem"))
    }

    async fn find(&self, id: &str) -> Result<Option<Connection>, Unavailable> {
        let Some(item) = self.item(id).await? else {
            return Ok(None);
        };
        let unreadable = || {
            let error = Unavailable::new("dynamodb:GetItem", "a connection cannot be read");
            error.again(Soon::Unlikely)
        };
        connection(&item).map(Some).ok_or_else(unreadable)
    }

    async fn subscribe(
        &self,
        id: &str,
        topic: &str,
        until: Timestamp,
        max: usize,
    ) -> Result<(), SubscribeError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(own_key(id)))
            .update_expression("ADD t :topics")
            .condition_expression(
                "attribute_exists(p) AND (attribute_not_exists(t) OR contains(t, :topic) OR size(t) < :max)",
            )
            .expression_attribute_values(":topics", AttributeValue::Ss(vec![topic.to_owned()]))
            .expression_attribute_values(":topic", string(topic))
            .expression_attribute_values(":max", number(max))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(wrong)?;
        let mut item = key(topic, id);
        item.insert("ttl".to_owned(), ttl(until));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .build()
            .map_err(wrong)?;
        let request = self.client.transact_write_items();
        let request = request
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        let Err(error) = request.send().await else {
            return Ok(());
        };
        let refused = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                refusal(cancelled.cancellation_reasons())
            }
            _ => None,
        };
        Err(refused.unwrap_or_else(|| unavailable(TRANSACT)(error).into()))
    }

    async fn unsubscribe(&self, id: &str, topic: &str) -> Result<(), Unavailable> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(own_key(id)))
            .update_expression("DELETE t :topics")
            .condition_expression("attribute_exists(p)")
            .expression_attribute_values(":topics", AttributeValue::Ss(vec![topic.to_owned()]))
            .build()
            .map_err(wrong)?;
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(topic, id)))
            .build()
            .map_err(wrong)?;
        let request = self.client.transact_write_items();
        let request = request
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().delete(delete).build());
        let Err(error) = request.send().await else {
            return Ok(());
        };
        match error.as_service_error() {
            // A connection that is not open has no subscriptions.
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if refusal(cancelled.cancellation_reasons()).is_some() =>
            {
                Ok(())
            }
            _ => Err(unavailable(TRANSACT)(error)),
        }
    }
}

impl CloseConnection for Connections {
    /// Its own item goes last, and only as it was read: until then it names what is left to do.
    async fn close(&self, id: &str) -> Result<(), Unavailable> {
        for _ in 0..CLOSINGS_MAX {
            let Some(item) = self.item(id).await? else {
                return Ok(());
            };
            let topics: Vec<String> = topics(&item).into_iter().collect();
            for topic in &topics {
                self.delete(key(topic, id)).await?;
            }
            if self.delete_with(id, &topics).await? {
                return Ok(());
            }
        }
        let why = "the connection got another subscription each time that it was closed";
        Err(Unavailable::new("dynamodb:DeleteItem", why))
    }
}

impl FindSubscribers for Connections {
    async fn subscribers(
        &self,
        topic: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<String>, Unavailable> {
        let (mut found, mut start) = (Vec::new(), None);
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("p = :p")
                .expression_attribute_values(":p", string(topic))
                .consistent_read(true)
                .limit(i32::try_from(max).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(unavailable("dynamodb:Query"))?;
            let items = output.items.unwrap_or_default();
            let live = items.iter().filter(|item| !has_ended(item, now));
            found.extend(live.filter_map(|item| Some(text(item, "s")?.to_owned())));
            start = output.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || found.len() >= max {
                found.truncate(max);
                return Ok(found);
            }
        }
    }
}
