//! Reading the whole table.
//!
//! DynamoDB divides the items among the segments of a parallel scan by the hash of their partition
//! key, and returns those of one partition key in the order of their sort key. So a stream lies in
//! one segment, in order, and nothing needs to be gathered here. (A page is sorted all the same:
//! emulators order the sort keys of a scan as text.)

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use event_store::{Commit, Cursor, ReadError, Scan, ScanPage, read_units};
use ports::{Soon, Unavailable};

use crate::event_store::EventStore;
use crate::item::{Item, decode, is_claim, is_snapshot, number, parsed, string, text};
use crate::unavailable;

const SCAN: &str = "dynamodb:Scan";

impl Scan for EventStore {
    async fn scan(
        &self,
        segment: u32,
        segments: u32,
        from: Option<&Cursor>,
        commits_max: u32,
    ) -> Result<ScanPage, Unavailable> {
        let count = |count: u32| i32::try_from(count).map_err(|_| wrong("a number too large"));
        let start = from.map(key_of).transpose()?;
        let output = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(count(segment)?)
            .total_segments(count(segments)?)
            .limit(count(commits_max)?)
            .set_exclusive_start_key(start)
            .consistent_read(false)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(unavailable(SCAN))?;
        let billed = output.consumed_capacity().and_then(|c| c.capacity_units);
        let rows = output.items().iter();
        let mut commits: Vec<_> = rows
            .filter(|item| !is_snapshot(item) && !is_claim(item))
            .map(decode)
            .collect();
        for together in commits.chunk_by_mut(|one, next| place(one).0 == place(next).0) {
            together.sort_by_key(|row| place(row).1);
        }
        let next = output.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(ScanPage {
            next: next.as_ref().map(cursor_behind).transpose()?,
            read_units: billed.unwrap_or_else(|| {
                let readable = commits.iter().flatten();
                read_units(readable.map(Commit::item_bytes).sum())
            }),
            commits,
        })
    }

    async fn estimate(&self) -> Option<u64> {
        let asked = self.client.describe_table().table_name(&self.table);
        // DynamoDB counts every six hours; a new table says 0.
        let items = asked.send().await.ok()?.table?.item_count?;
        u64::try_from(items).ok().filter(|items| *items > 0)
    }
}

/// The stream and version of a row, as far as they can be told.
fn place(row: &Result<Commit, ReadError>) -> (String, u64) {
    match row {
        Ok(commit) => (commit.stream.to_string(), commit.first.get()),
        Err(ReadError::Corrupt {
            stream, version, ..
        }) => (stream.clone(), *version),
        Err(ReadError::Unavailable(_)) => (String::new(), 0),
    }
}

fn wrong(what: &'static str) -> Unavailable {
    Unavailable::new(SCAN, what).again(Soon::Unlikely)
}

fn key_of(cursor: &Cursor) -> Result<Item, Unavailable> {
    let place = cursor.item();
    let (partition, sort) = place.ok_or_else(|| wrong("no store has made this cursor"))?;
    Ok(Item::from([
        ("p".to_owned(), string(partition)),
        ("v".to_owned(), number(sort)),
    ]))
}

fn cursor_behind(key: &Item) -> Result<Cursor, Unavailable> {
    let place = text(key, "p").zip(parsed(key, "v"));
    let (partition, sort) = place.ok_or_else(|| wrong("the table's keys are not a store's"))?;
    Ok(Cursor::behind(partition, sort))
}
