//! The event store's port on a DynamoDB table.
//!
//! One `PutItem` under the condition that its key is free is the whole of optimistic concurrency:
//! the key of a commit is the version after the head that its writer saw. A failed condition hands
//! back the item that is there, so the loser needs no read to learn what won.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use envelope::{CommitId, StreamId, Version};
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, ITEM_BYTES_MAX, Load, Loaded,
    ReadError, SaveSnapshot, SaveSnapshotError, Snapshot, check_size, check_transaction,
};
use ports::{Consistency, Soon, Unavailable};

use crate::item::{
    CLAIM, Item, decode, decode_snapshot, encode, encode_snapshot, is_snapshot, number, string,
    text,
};
use crate::unavailable;

/// How many of the newest commits the first request of a load asks for. A state rides in most
/// commits, and four commits of up to a kilobyte each cost the same half read unit as one.
const FIRST_PAGE: i32 = 4;

/// Each further request of a load asks for this many times as many: the state is near, and a full
/// page of a long stream would cost two hundred times what it takes to get there.
const PAGE_GROWTH: i32 = 4;

/// How long a claim is kept: longer than any queue, archive or dead letter keeps an event.
const CLAIM_DAYS: i64 = 30;

/// The last version that a commit can have: the snapshot's key is behind it.
const LAST: Version = Version::new(u64::MAX - 1);

const KEY_IS_FREE: &str = "attribute_not_exists(p)";

/// Streams in one table. Clones share the connection.
///
/// Errors and costs are those that the traits name. A load asks for the four newest items first,
/// then for 16, 64 and so on, until it has met a state; all other reads ask for full pages.
#[derive(Debug, Clone)]
pub struct EventStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// Which way a query runs, and between which versions.
struct Range<'a> {
    stream: &'a StreamId,
    from: Version,
    to: Version,
    forward: bool,
    consistency: Consistency,
}

impl EventStore {
    /// A store in this table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Reads items page by page until `enough` says so, or there are no more.
    async fn query(
        &self,
        range: Range<'_>,
        first_page: Option<i32>,
        mut enough: impl FnMut(&Item) -> Result<bool, ReadError>,
    ) -> Result<(), ReadError> {
        // DynamoDB takes an empty range for a mistake.
        if range.from > range.to {
            return Ok(());
        }
        let mut limits = std::iter::successors(first_page, |limit| limit.checked_mul(PAGE_GROWTH));
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("p = :p AND v BETWEEN :f AND :t")
                .expression_attribute_values(":p", string(range.stream.to_string()))
                .expression_attribute_values(":f", number(range.from))
                .expression_attribute_values(":t", number(range.to))
                .scan_index_forward(range.forward)
                .consistent_read(range.consistency == Consistency::Strong)
                .set_limit(limits.next())
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(unavailable("dynamodb:Query"))?;
            for item in page.items() {
                if enough(item)? {
                    return Ok(());
                }
            }
            // Each page starts behind the one before it, so the loop ends with the stream.
            match page.last_evaluated_key {
                Some(key) if !key.is_empty() => start = Some(key),
                _ => return Ok(()),
            }
        }
    }
}

impl Load for EventStore {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        let range = Range {
            stream,
            from: Version::new(1),
            to: until,
            forward: false,
            consistency,
        };
        let mut loaded = Loaded::default();
        let Loaded { snapshot, commits } = &mut loaded;
        let collect = |item: &Item| {
            if is_snapshot(item) {
                *snapshot = decode_snapshot(item).filter(|found| found.carried.layout == layout);
                return Ok(false);
            }
            let commit = decode(item)?;
            // The snapshot is the first item, so from here on it is known.
            let reached = snapshot.as_ref().map_or(0, |found| found.version.get());
            if commit.last().get() <= reached {
                return Ok(true);
            }
            let carries = commit.carries(layout, until);
            let next_is_in_snapshot = commit.first.get() == reached + 1;
            commits.push(commit);
            Ok(carries || next_is_in_snapshot)
        };
        self.query(range, Some(FIRST_PAGE), collect).await?;
        loaded.commits.reverse();
        Ok(loaded)
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        let first = Version::new(1);
        let mut from = from.max(first);
        let mut commits = Vec::new();
        // The commit that holds a version may start before it; the first version starts its own.
        if from > first || from >= to {
            let holding = Range {
                stream,
                from: first,
                to: from.min(LAST),
                forward: false,
                consistency,
            };
            let holds = |item: &Item| {
                commits.push(decode(item)?);
                Ok(true)
            };
            self.query(holding, Some(1), holds).await?;
            commits.retain(|commit| commit.last() >= from);
            if from >= to || commits.last().is_some_and(|commit| commit.last() >= to) {
                return Ok(commits);
            }
            from = from.next();
        }
        let later = Range {
            stream,
            from,
            to: to.min(LAST),
            forward: true,
            consistency,
        };
        let collect = |item: &Item| {
            commits.push(decode(item)?);
            Ok(false)
        };
        self.query(later, None, collect).await?;
        Ok(commits)
    }
}

impl SaveSnapshot for EventStore {
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<bool, SaveSnapshotError> {
        let (bytes, max) = (snapshot.item_bytes(stream), ITEM_BYTES_MAX);
        if bytes > max {
            return Err(SaveSnapshotError::TooLarge { bytes, max });
        }
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode_snapshot(stream, snapshot)))
            .condition_expression("attribute_not_exists(p) OR u < :u OR h <> :h")
            .expression_attribute_values(":u", number(snapshot.version))
            .expression_attribute_values(":h", number(snapshot.carried.layout))
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(unavailable("dynamodb:PutItem")(error).into()),
            },
        }
    }
}

/// The conflict that a failed condition tells of.
fn conflict(item: Option<&Item>) -> AppendError {
    match item.map(decode) {
        Some(Ok(winner)) => AppendError::Conflict(Box::new(winner)),
        Some(Err(error)) => AppendError::Unreadable(error),
        None => AppendError::Unavailable(Unavailable::new(
            "dynamodb:PutItem",
            "the condition failed, but the item that is there was not returned",
        )),
    }
}

impl Append for EventStore {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        check_size(commit)?;
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(commit)))
            .condition_expression(KEY_IS_FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Err(conflict(failed.item()))
                }
                Some(PutItemError::TransactionConflictException(_)) => Err(AppendError::Busy),
                _ => Err(unavailable("dynamodb:PutItem")(error).into()),
            },
        }
    }
}

impl EventStore {
    fn put(&self, item: Item) -> Result<TransactWriteItem, AppendError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(KEY_IS_FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Unavailable::new("dynamodb:TransactWriteItems", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl AppendAll for EventStore {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        check_transaction(commits, claim.is_some())?;
        let mut writes = Vec::with_capacity(commits.len() + 1);
        for commit in commits {
            writes.push(self.put(encode(commit))?);
        }
        if let Some(claim) = claim {
            writes.push(self.put(claim_item(claim))?);
        }
        let result = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        let Err(error) = result else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                let why = why_cancelled(reasons, commits.len());
                Err(why.unwrap_or_else(|| {
                    AppendError::from(unavailable("dynamodb:TransactWriteItems")(error)).into()
                }))
            }
            _ => Err(AppendError::from(unavailable("dynamodb:TransactWriteItems")(error)).into()),
        }
    }

    /// A query, since roles let functions query and nothing else.
    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("p = :p")
            .expression_attribute_values(":p", string(claim_key(claim)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("dynamodb:Query"))?;
        let note = |item: &Item| text(item, "n").unwrap_or_default().to_owned();
        Ok(found.items().first().map(note))
    }
}

/// A claim is an item beside the streams. It has no events, so nothing publishes it.
fn claim_item(claim: &Claim) -> Item {
    let expires = claim.time.as_millis() / 1000 + CLAIM_DAYS * 24 * 60 * 60;
    Item::from([
        ("p".to_owned(), string(claim_key(&claim.id))),
        ("v".to_owned(), number(0)),
        ("ttl".to_owned(), number(expires)),
        ("n".to_owned(), string(claim.note.clone())),
    ])
}

fn claim_key(id: &CommitId) -> String {
    format!("{CLAIM}{}", id.as_str())
}

/// What a cancelled transaction means; `None` if no reason is part of the contract (throttling, for example).
fn why_cancelled(reasons: &[CancellationReason], commits: usize) -> Option<AppendAllError> {
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    if reasons.get(commits).is_some_and(failed) {
        return Some(AppendAllError::Claimed);
    }
    let mut winners = Vec::new();
    for reason in reasons.iter().take(commits).filter(|reason| failed(reason)) {
        match conflict(reason.item()) {
            AppendError::Conflict(winner) => winners.push(*winner),
            other => return Some(other.into()),
        }
    }
    if !winners.is_empty() {
        return Some(AppendAllError::Conflict(winners));
    }
    let codes = || reasons.iter().filter_map(CancellationReason::code);
    if codes().any(|code| code == "TransactionConflict") {
        return Some(AppendAllError::Busy);
    }
    let refused = codes()
        .find(|code| !["None", "ThrottlingError", "ProvisionedThroughputExceeded"].contains(code));
    refused.map(|code| {
        let error = Unavailable::new("dynamodb:TransactWriteItems", code.to_owned());
        error.again(Soon::Unlikely).into()
    })
}
