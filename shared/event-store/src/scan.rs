//! Reading the whole table, page by page: the port of whatever starts from all streams.
//!
//! A page that holds a row which cannot be read is still a page: the row's error stands in its
//! place. Whether the reader stops at it or sets it aside is the reader's decision, and it could
//! not decide if the row were left out, or if it failed the page.

use envelope::StreamId;
use ports::Unavailable;
use serde::{Deserialize, Serialize};

use crate::{Commit, ReadError};

/// One read unit pays for this many bytes of a strongly consistent read, and for twice as many of
/// an eventually consistent one
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>).
const READ_UNIT_BYTES: usize = 4 * 1024;

/// Reads all streams.
pub trait Scan: Clone + Send + Sync + 'static {
    /// One page of one segment, behind the cursor `from` or from the segment's beginning.
    ///
    /// The table is divided into `segments` parts, and `segment` counts from 0. A stream lies in
    /// one segment as a whole, its commits come together and in order, and a page may end between
    /// two of them. The page has at most `commits_max` (at least 1) items of the table; what is no
    /// commit, such as a claim or a snapshot, counts and is passed over. So a page may be empty and
    /// yet have a next one.
    ///
    /// What is stored while the scan is under way may or may not be in it; of each stream there is
    /// everything that was stored when the scan began, give or take the second by which an
    /// eventually consistent read may lag.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor or a segment that cannot be.
    ///
    /// # Cost
    /// One request, and half a read unit for each four kilobytes of all items on the page together.
    /// DynamoDB ends a page at a megabyte: 128 read units.
    fn scan(
        &self,
        segment: u32,
        segments: u32,
        from: Option<&Cursor>,
        commits_max: u32,
    ) -> impl Future<Output = Result<ScanPage, Unavailable>> + Send;

    /// About how many items there are, for a progress bar: never more than a guess. `None` if
    /// nobody knows.
    ///
    /// # Cost
    /// One request, without units.
    fn estimate(&self) -> impl Future<Output = Option<u64>> + Send;
}

/// A part of the table, in the order of the scan.
#[derive(Debug, Clone, Default)]
pub struct ScanPage {
    /// The commits, and in its place the error of each row that cannot be read.
    pub commits: Vec<Result<Commit, ReadError>>,
    /// Where the next page begins; `None` at the end of the segment.
    pub next: Option<Cursor>,
    /// What the page cost, in read units: as the table says, or worked out from the sizes.
    pub read_units: f64,
}

/// A place in one segment of a scan with one number of segments. Opaque: it is made by a store, and
/// means something to that store alone. As text it can be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The place behind the item with this partition key and sort key.
    #[must_use]
    pub fn behind(partition: &str, sort: u64) -> Self {
        Self(format!("{sort}@{partition}"))
    }

    /// Reads a cursor back.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The cursor as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition key and the sort key of the item in front of the place; `None` if no store
    /// has made it.
    #[must_use]
    pub fn item(&self) -> Option<(&str, u64)> {
        let (sort, partition) = self.0.split_once('@')?;
        Some((partition, sort.parse().ok()?))
    }
}

/// What an eventually consistent read of so many bytes costs, in read units.
#[must_use]
pub fn read_units(bytes: usize) -> f64 {
    let steps = u32::try_from(bytes.div_ceil(READ_UNIT_BYTES)).unwrap_or(u32::MAX);
    f64::from(steps) / 2.0
}

/// Which segment a stream lies in, where a store has to say it itself: FNV-1a, because it must be
/// the same in every process, which the standard library does not promise of its own hash.
pub(crate) fn segment_of(stream: &StreamId, segments: u32) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in stream.to_string().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    u32::try_from(hash % u64::from(segments)).expect("less than the number of segments")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_tells_its_item_whatever_the_key_looks_like() {
        for partition in ["Order#1", "Order#a@b", "claim#7@@", "Order#"] {
            let cursor = Cursor::behind(partition, u64::MAX);
            let read = Cursor::from_text(cursor.as_str());
            assert_eq!(read.item(), Some((partition, u64::MAX)));
        }
        assert_eq!(Cursor::from_text("Order#1").item(), None);
    }

    #[test]
    fn a_page_costs_half_a_unit_for_each_four_kilobytes() {
        let costs = [0, 1, 4096, 4097, 1024 * 1024].map(read_units);
        assert_eq!(costs, [0.0, 0.5, 0.5, 1.0, 128.0]);
    }

    #[test]
    fn a_stream_is_in_the_same_segment_in_every_process() {
        let segment = |id: &str| segment_of(&StreamId::new("Order", id).expect("an id"), 4);
        assert_eq!(["1", "2", "3", "4"].map(segment), [3, 2, 1, 0]);
    }
}
