//! How large a commit is as an item, and whether a state rides along for free.
//!
//! DynamoDB bills writes by the kilobyte of the whole item, attribute names included, and reads by
//! four. The formula is in the Developer Guide under "DynamoDB item sizes and formats". The
//! adapter's tests hold this estimate against what a table really bills.

use crate::Commit;
use crate::commit::Carried;

/// The largest item that DynamoDB takes, in bytes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// One write unit pays for this many bytes.
const WRITE_UNIT_BYTES: usize = 1024;

/// How many bytes of tail there may be, for each byte of state (counted as at least one write
/// unit), before the state is carried although it costs. So carrying adds at most a quarter to
/// the bytes written, and no load reads more than this tail.
const TAIL_PER_STATE: usize = 4;

/// A number takes about half a byte per digit and one more; this is what version and time take together.
const NUMBERS_BYTES: usize = 24;

impl Commit {
    /// Size of the item without the carried state, in bytes (an upper estimate within 32 bytes).
    #[must_use]
    pub fn bare_bytes(&self) -> usize {
        let metadata = &self.metadata;
        let extra = if metadata.extra.is_empty() { 0 } else { json_bytes(&metadata.extra) + 1 };
        let events = json_bytes(&self.events);
        // Names are one byte each; `traceparent` is stored as 25 bytes.
        let names = 8;
        names
            + self.stream.to_string().len()
            + NUMBERS_BYTES
            + self.commit_id.as_str().len()
            + metadata.correlation_id.as_str().len()
            + metadata.causation_id.as_ref().map_or(0, String::len)
            + metadata.traceparent.map_or(0, |_| 25)
            + extra
            + events
    }

    /// Size of the item, in bytes.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.bare_bytes() + self.carried.as_ref().map_or(0, Carried::bytes)
    }

    /// Takes the state along if that costs no further write unit, or if the tail since the last
    /// carried state has grown so long that the next load pays more for it than this write does.
    pub(crate) fn carry(&mut self, carried: Carried, tail_bytes: usize) {
        let (bare, rides) = (self.bare_bytes(), carried.bytes());
        let free = bare.div_ceil(WRITE_UNIT_BYTES) == (bare + rides).div_ceil(WRITE_UNIT_BYTES);
        let due = tail_bytes + bare >= TAIL_PER_STATE * rides.max(WRITE_UNIT_BYTES);
        if bare + rides <= ITEM_BYTES_MAX && (free || due) {
            self.carried = Some(carried);
        }
    }
}

impl Carried {
    /// What it adds to an item, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // Names of three attributes, and the layout's digest as a number of up to ten digits.
        3 + 7 + self.state.len() + 8 * self.recent.digests().len()
    }
}

fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX / 2, |json| json.len())
}
