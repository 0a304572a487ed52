//! How large a commit is as an item, and whether a state rides along for free.
//!
//! DynamoDB bills writes by the kilobyte of the whole item, attribute names included, and reads by
//! four. The formula is in the Developer Guide under "DynamoDB item sizes and formats". The
//! adapter's tests hold this estimate against what a table really bills.

use crate::commit::Carried;
use crate::{AppendAllError, AppendError, Commit, Snapshot};

/// The largest item that DynamoDB takes, in bytes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// The most items that one transaction takes, and the most bytes of all of them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
pub const TRANSACTION_ACTIONS_MAX: usize = 100;
/// See [`TRANSACTION_ACTIONS_MAX`].
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One write unit pays for this many bytes.
const WRITE_UNIT_BYTES: usize = 1024;

/// Names of attributes are billed with every item, so they are one letter long.
const NAME_BYTES: usize = 1;

/// How many bytes of tail there may be, for each byte of state (counted as at least one write
/// unit), before the state is carried although it costs. So carrying adds at most a quarter to
/// the bytes written, and no load reads more than this tail.
const TAIL_PER_STATE: usize = 4;

/// A state larger than this never rides: it would make one command in a few much slower and dearer
/// than the others. It has an item of its own, which is written beside the commands.
const RIDE_BYTES_MAX: usize = 32 * 1024;

impl Commit {
    /// Size of the item without the carried state, in bytes: never less than what is billed, and
    /// at most a few bytes more.
    #[must_use]
    pub fn bare_bytes(&self) -> usize {
        let metadata = &self.metadata;
        let optional = |bytes: Option<usize>| bytes.map_or(0, |bytes| NAME_BYTES + bytes);
        let hops = (metadata.hops > 0).then(|| number_bytes(metadata.hops));
        let extra = (!metadata.extra.is_empty()).then(|| json_bytes(&metadata.extra));
        let joined = (!self.joined.is_empty()).then(|| json_bytes(&self.joined));
        5 * NAME_BYTES
            + self.stream.to_string().len()
            + number_bytes(self.first)
            + json_bytes(&self.events)
            + self.commit_id.as_str().len()
            + number_bytes(self.time.as_millis())
            + optional(self.own_correlation_id().map(str::len))
            + optional(self.own_causation_id().map(str::len))
            + optional(metadata.traceparent.map(|parent| parent.to_bytes().len()))
            + optional(hops)
            + optional(extra)
            + optional(joined)
            + optional(self.payload.as_ref().map(String::len))
    }

    /// Size of the item, in bytes.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.bare_bytes() + self.carried.as_ref().map_or(0, Carried::bytes)
    }

    /// Takes the state along if that costs no further write unit, or if the tail since the last
    /// carried state has grown so long that the next load pays more for it than this write does.
    ///
    /// `tail_bytes` are those of the commits since the newest stored state. Returns them as they are
    /// with this commit, and whether the state is due to be saved on its own because it is too large
    /// to ride.
    pub fn carry(&mut self, carried: Carried, tail_bytes: usize) -> (usize, bool) {
        let (bare, rides) = (self.bare_bytes(), carried.bytes());
        let free = bare.div_ceil(WRITE_UNIT_BYTES) == (bare + rides).div_ceil(WRITE_UNIT_BYTES);
        let due = tail_bytes + bare >= TAIL_PER_STATE * rides.max(WRITE_UNIT_BYTES);
        // One that is too large for an item by itself is stored behind a pointer, or not at all.
        let pointed_at = bare > ITEM_BYTES_MAX;
        let room = pointed_at || bare + rides <= ITEM_BYTES_MAX;
        let fits = rides <= RIDE_BYTES_MAX && room;
        if fits && (free || due) {
            self.carried = Some(carried);
            return (0, false);
        }
        (tail_bytes + bare, due)
    }
}

impl Carried {
    /// What it adds to an item, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let digests = size_of_val(self.recent.digests());
        3 * NAME_BYTES + number_bytes(self.layout) + self.state.len() + digests
    }
}

impl Snapshot {
    /// Size of the item on the table, in bytes: never less than what is billed, and at most a few
    /// bytes more. `stream` is the key that it is under.
    #[must_use]
    pub fn item_bytes(&self, stream: &envelope::StreamId) -> usize {
        4 * NAME_BYTES
            + stream.to_string().len()
            + number_bytes(u64::MAX)
            + number_bytes(self.version)
            + number_bytes(self.time.as_millis())
            + self.carried.bytes()
            + self
                .payload
                .as_ref()
                .map_or(0, |key| NAME_BYTES + key.len())
    }
}

/// Refuses a transaction that a table would not take, before it is sent.
///
/// # Errors
/// [`AppendAllError::TooMany`], or [`AppendError::TooLarge`] for one commit or for all together.
pub fn check_transaction(commits: &[Commit], claimed: bool) -> Result<(), AppendAllError> {
    let (actions, max) = (
        commits.len() + usize::from(claimed),
        TRANSACTION_ACTIONS_MAX,
    );
    if actions > max {
        return Err(AppendAllError::TooMany { actions, max });
    }
    commits.iter().try_for_each(check_size)?;
    let bytes = commits.iter().map(Commit::item_bytes).sum();
    let max = TRANSACTION_BYTES_MAX;
    if bytes > max {
        return Err(AppendError::TooLarge { bytes, max }.into());
    }
    Ok(())
}

/// Refuses a commit that a table would not take, before it is sent.
///
/// # Errors
/// [`AppendError::TooLarge`].
pub fn check_size(commit: &Commit) -> Result<(), AppendError> {
    let (bytes, max) = (commit.item_bytes(), ITEM_BYTES_MAX);
    if bytes > max {
        return Err(AppendError::TooLarge { bytes, max });
    }
    Ok(())
}

/// A number takes a byte for each two digits (zeros at its end are free, which is ignored here),
/// and one more.
fn number_bytes(number: impl std::fmt::Display) -> usize {
    number.to_string().len().div_ceil(2) + 1
}

fn json_bytes(value: &impl serde::Serialize) -> usize {
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value).map_or(usize::MAX / 2, |()| counted.0)
}

/// Takes bytes for their number.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
