//! Views and totals on a DynamoDB table.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `k` | S | key |
//! | `r` | N | revision of a view |
//! | `b` | S | the view, as JSON |
//! | `l`, `s` | S | the list that it stands in, and its place there: the key of the index `lists` |
//! | `a:…` | N | an amount of a total |

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use ports::{
    Addition, Change, Consistency, Cursor, ListViews, Listing, LoadView, Page, Revision, SaveView,
    SaveViewError, Soon, Total, Unavailable, Viewed,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::item::{Item, number, parsed, string, text};
use crate::unavailable;

/// The index of views by list and place.
pub const LISTS_INDEX: &str = "lists";

/// What the name of an amount's attribute begins with.
const AMOUNT: &str = "a:";

/// Views in one table. Clones share the connection. Errors and costs are those that the traits name.
#[derive(Debug, Clone)]
pub struct Views {
    client: Client,
    table: String,
}

impl Views {
    /// Views in this table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// The items of a part of a list.
    async fn page(&self, page: &Page<'_>) -> Result<Listing<Item>, Unavailable> {
        let condition = match (page.from, page.to) {
            (None, None) => "l = :l",
            (Some(_), None) => "l = :l AND s >= :f",
            (None, Some(_)) => "l = :l AND s <= :t",
            (Some(_), Some(_)) => "l = :l AND s BETWEEN :f AND :t",
        };
        let values = [(":l", Some(page.list)), (":f", page.from), (":t", page.to)];
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), string(value?))));
        let values: HashMap<_, _> = values.collect();
        let mut start = page.after.map(|after| {
            Item::from([
                ("k".to_owned(), string(&after.key)),
                ("l".to_owned(), string(page.list)),
                ("s".to_owned(), string(&after.place)),
            ])
        });
        // One more than asked for tells whether there is a next page.
        let (max, mut entries) = (page.max as usize, Vec::new());
        // DynamoDB ends a page at a megabyte; each goes on behind the one before it.
        loop {
            let left = (max + 1).saturating_sub(entries.len());
            let found = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(LISTS_INDEX)
                .key_condition_expression(condition)
                .set_expression_attribute_values(Some(values.clone()))
                .scan_index_forward(!page.reversed)
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(unavailable("dynamodb:Query"))?;
            entries.extend(found.items.unwrap_or_default());
            start = found.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || entries.len() > max {
                break;
            }
        }
        let more = entries.len() > max;
        entries.truncate(max);
        let last = entries.last().filter(|_| more);
        let next = last.and_then(|item| {
            Some(Cursor {
                place: text(item, "s")?.to_owned(),
                key: text(item, "k")?.to_owned(),
            })
        });
        Ok(Listing { entries, next })
    }

    fn item<V>(change: &Change<'_, V>, body: String) -> Item {
        let mut item = Item::from([
            ("k".to_owned(), string(change.key)),
            ("r".to_owned(), number(change.seen.0 + 1)),
            ("b".to_owned(), string(body)),
        ]);
        if let Some(listed) = &change.listed {
            item.insert("l".to_owned(), string(&listed.list));
            item.insert("s".to_owned(), string(&listed.place));
        }
        item
    }

    fn add(&self, addition: &Addition) -> Result<TransactWriteItem, Unavailable> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("k", string(&addition.total))
            .expression_attribute_values(":l", string(&addition.listed.list))
            .expression_attribute_values(":s", string(&addition.listed.place));
        let mut terms = Vec::new();
        for (index, (name, amount)) in addition.amounts.iter().enumerate() {
            terms.push(format!("#{index} :{index}"));
            update = update
                .expression_attribute_names(format!("#{index}"), format!("{AMOUNT}{name}"))
                .expression_attribute_values(format!(":{index}"), number(amount));
        }
        let expression = format!("SET l = :l, s = :s ADD {}", terms.join(", "));
        let update = update.update_expression(expression).build();
        let update = update.map_err(|error| wrong("dynamodb:TransactWriteItems", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    async fn save_with_totals<V>(
        &self,
        change: &Change<'_, V>,
        item: Item,
    ) -> Result<(), SaveViewError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems";
        let (condition, values) = condition(change.seen);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .map_err(|error| wrong(OPERATION, error))?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        for addition in &change.additions {
            writes.push(self.add(addition)?);
        }
        let request = self.client.transact_write_items();
        let Err(error) = request.set_transact_items(Some(writes)).send().await else {
            return Ok(());
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let mut codes = cancelled
                .cancellation_reasons()
                .iter()
                .map(|why| why.code());
            // A total is in another transaction, too: the view is read and folded again all the same.
            let lost = ["ConditionalCheckFailed", "TransactionConflict"];
            if codes.any(|code| code.is_some_and(|code| lost.contains(&code))) {
                return Err(SaveViewError::Conflict);
            }
        }
        Err(unavailable(OPERATION)(error).into())
    }
}

fn wrong(
    operation: &'static str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Unavailable {
    Unavailable::new(operation, error).again(Soon::Unlikely)
}

/// That the view is as it was read.
fn condition(seen: Revision) -> (&'static str, Option<HashMap<String, AttributeValue>>) {
    match seen {
        Revision(0) => ("attribute_not_exists(k)", None),
        Revision(seen) => {
            let values = HashMap::from([(":seen".to_owned(), number(seen))]);
            ("r = :seen", Some(values))
        }
    }
}

fn unreadable(operation: &'static str, item: &Item) -> Unavailable {
    let key = text(item, "k").unwrap_or("?");
    let error = Unavailable::new(operation, format!("the view {key} cannot be read"));
    error.again(Soon::Unlikely)
}

fn view<V: DeserializeOwned>(operation: &'static str, item: &Item) -> Result<V, Unavailable> {
    let body = text(item, "b").ok_or_else(|| unreadable(operation, item))?;
    serde_json::from_str(body).map_err(|_| unreadable(operation, item))
}

impl LoadView for Views {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        const OPERATION: &str = "dynamodb:GetItem";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("k", string(key))
            .consistent_read(consistency == Consistency::Strong)
            .send()
            .await
            .map_err(unavailable(OPERATION))?;
        let Some(item) = output.item else {
            return Ok(None);
        };
        let revision = parsed(&item, "r").ok_or_else(|| unreadable(OPERATION, &item))?;
        Ok(Some(Viewed {
            view: view(OPERATION, &item)?,
            revision: Revision(revision),
        }))
    }
}

impl SaveView for Views {
    async fn save<V: Serialize + Sync>(&self, change: &Change<'_, V>) -> Result<(), SaveViewError> {
        const OPERATION: &str = "dynamodb:PutItem";
        let body = serde_json::to_string(change.view).map_err(|error| wrong(OPERATION, error))?;
        let item = Self::item(change, body);
        if !change.additions.is_empty() {
            return self.save_with_totals(change, item).await;
        }
        let (condition, values) = condition(change.seen);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(values);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(
                    PutItemError::ConditionalCheckFailedException(_)
                    | PutItemError::TransactionConflictException(_),
                ) => Err(SaveViewError::Conflict),
                _ => Err(unavailable(OPERATION)(error).into()),
            },
        }
    }
}

impl ListViews for Views {
    async fn list<V: DeserializeOwned + Send>(
        &self,
        page: &Page<'_>,
    ) -> Result<Listing<V>, Unavailable> {
        let found = self.page(page).await?;
        let views = found
            .entries
            .iter()
            .map(|item| view("dynamodb:Query", item));
        Ok(Listing {
            entries: views.collect::<Result<_, _>>()?,
            next: found.next,
        })
    }

    async fn totals(&self, page: &Page<'_>) -> Result<Listing<Total>, Unavailable> {
        let found = self.page(page).await?;
        let total = |item: &Item| {
            let amounts = item.keys().filter_map(|name| {
                let amount = parsed(item, name)?;
                Some((name.strip_prefix(AMOUNT)?.to_owned(), amount))
            });
            let place = text(item, "s")?.to_owned();
            let amounts = amounts.collect();
            Some(Total { place, amounts })
        };
        let totals = found
            .entries
            .iter()
            .map(|item| total(item).ok_or_else(|| unreadable("dynamodb:Query", item)));
        Ok(Listing {
            entries: totals.collect::<Result<_, _>>()?,
            next: found.next,
        })
    }
}
