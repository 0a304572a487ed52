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

/// Names of attributes are billed with every item, so they are one letter long.
const NAME_BYTES: usize = 1;

/// How many bytes of tail there may be, for each byte of state (counted as at least one write
/// unit), before the state is carried although it costs. So carrying adds at most a quarter to
/// the bytes written, and no load reads more than this tail.
const TAIL_PER_STATE: usize = 4;

impl Commit {
    /// Size of the item without the carried state, in bytes: never less than what is billed, and
    /// at most a few bytes more.
    #[must_use]
    pub fn bare_bytes(&self) -> usize {
        let metadata = &self.metadata;
        let optional = |bytes: Option<usize>| bytes.map_or(0, |bytes| NAME_BYTES + bytes);
        let hops = (metadata.hops > 0).then(|| number_bytes(metadata.hops));
        let extra = (!metadata.extra.is_empty()).then(|| json_bytes(&metadata.extra));
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
        let digests = size_of_val(self.recent.digests());
        3 * NAME_BYTES + number_bytes(self.layout) + self.state.len() + digests
    }
}

/// A number takes a byte for each two digits (zeros at its end are free, which is ignored here),
/// and one more.
fn number_bytes(number: impl std::fmt::Display) -> usize {
    number.to_string().len().div_ceil(2) + 1
}

fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX / 2, |json| json.len())
}
