//! Typed identities. Each is a short string on the wire; none can be taken for another.
//!
//! Ids that come from other systems are kept as they are, so an id is any printable string without
//! `#` (which separates the parts of a stream's key) of up to 128 bytes, not only a UUID.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest id that is accepted, in bytes. Ids are part of keys and are billed with every item.
const ID_BYTES_MAX: usize = 128;

/// A string that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id is 1 to {ID_BYTES_MAX} bytes of printable text without '#' or blanks at its ends, not {0:?}"
)]
pub struct InvalidId(String);

fn check(text: &str) -> Result<(), InvalidId> {
    let fits = !text.is_empty() && text.len() <= ID_BYTES_MAX;
    let printable = !text.chars().any(|c| c.is_control() || c == '#');
    if fits && printable && text.trim() == text {
        Ok(())
    } else {
        Err(InvalidId(text.chars().take(40).collect()))
    }
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and makes it an id.
            ///
            /// # Errors
            /// [`InvalidId`] when it is empty, too long, or not printable.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// A fresh id from a UUID.
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid.to_string())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

string_id! {
    /// The identity of one event, unique for ever.
    EventId
}
string_id! {
    /// The identity of one command (a request in the imperative that can be refused).
    CommandId
}
string_id! {
    /// What ties a whole story together: the same on every event that one first cause led to.
    CorrelationId
}

impl EventId {
    /// The identity of a CloudEvents event, whose own `id` is unique only within its `source`.
    #[must_use]
    pub(crate) fn of_cloud_event(source: &str, id: &str) -> Self {
        // The length tells where the source ends.
        let name = format!("{}#{source}#{id}", source.len());
        Self::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
    }
}

/// The identity of one commit: the cause, and, where several reactions answer one event, which.
///
/// Two commits with one id on one stream are the same commit, sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(String);

impl CommitId {
    pub(crate) fn of_cause(cause: &str, reaction: Option<&str>) -> Self {
        Self(match reaction {
            Some(name) => format!("{cause}/{name}"),
            None => cause.to_owned(),
        })
    }

    /// Reads a commit id back from storage.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the event at `index` of this commit on `stream`: always the same for the same commit.
    #[must_use]
    pub fn event_id(&self, stream: &StreamId, index: usize) -> EventId {
        let name = format!("{stream}|{}|{index}", self.0);
        EventId::from_uuid(Uuid::new_v5(&EVENT_NAMESPACE, name.as_bytes()))
    }

    /// A 64-bit digest, for the short ring of recent commits that travels with a stream's state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        Uuid::new_v5(&EVENT_NAMESPACE, self.0.as_bytes())
            .as_u64_pair()
            .0
    }
}

/// Name space of derived event ids: an arbitrary constant that must never change.
const EVENT_NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_2b1e_4f0a_4d0e_9a53_0d5c_7a11_e0e5);

/// One stream: all events of one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    aggregate_type: String,
    aggregate_id: String,
}

impl StreamId {
    /// The stream of an aggregate.
    ///
    /// # Errors
    /// [`InvalidId`] when either part cannot be an id.
    pub fn new(
        aggregate_type: impl Into<String>,
        aggregate_id: impl Into<String>,
    ) -> Result<Self, InvalidId> {
        let (aggregate_type, aggregate_id) = (aggregate_type.into(), aggregate_id.into());
        check(&aggregate_type)?;
        check(&aggregate_id)?;
        Ok(Self {
            aggregate_type,
            aggregate_id,
        })
    }

    /// Reads `<aggregateType>#<aggregateId>`, the form of [`Display`](std::fmt::Display).
    ///
    /// # Errors
    /// [`InvalidId`] when the text does not have that form.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (kind, id) = text
            .split_once('#')
            .ok_or_else(|| InvalidId(text.to_owned()))?;
        Self::new(kind, id)
    }

    /// The kind of aggregate, for example `Order`.
    #[must_use]
    pub fn aggregate_type(&self) -> &str {
        &self.aggregate_type
    }

    /// The aggregate's own id.
    #[must_use]
    pub fn aggregate_id(&self) -> &str {
        &self.aggregate_id
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.aggregate_type, self.aggregate_id)
    }
}

/// A position in a stream. The first event has version 1; 0 is the stream before its first event.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// Behind every event that a stream can have.
    pub const MAX: Self = Self(u64::MAX);

    /// The version with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version `count` events further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }

    /// The next version.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_break_a_key_is_refused() {
        for text in ["", "a#b", " a", "a\n", &"x".repeat(129)] {
            assert!(EventId::new(text).is_err(), "{text:?} must be refused");
        }
        assert!(EventId::new("order 17/ä").is_ok());
    }

    #[test]
    fn a_stream_id_reads_back_from_its_text() {
        let stream = StreamId::new("Order", "ord-1").expect("valid");
        assert_eq!(StreamId::parse(&stream.to_string()), Ok(stream));
        assert!(StreamId::parse("Order").is_err());
    }

    #[test]
    fn a_derived_event_id_depends_on_commit_stream_and_index_alone() {
        let stream = StreamId::new("Order", "1").expect("valid");
        let other = StreamId::new("Order", "2").expect("valid");
        let commit = CommitId::of_cause("cause", Some("reserve-inventory"));
        assert_eq!(commit.event_id(&stream, 0), commit.event_id(&stream, 0));
        assert_ne!(commit.event_id(&stream, 0), commit.event_id(&stream, 1));
        assert_ne!(commit.event_id(&stream, 0), commit.event_id(&other, 0));
    }
}
