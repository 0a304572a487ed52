//! A commit as an item, and back.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `p` | S | partition key: `<aggregateType>#<aggregateId>` |
//! | `v` | N | sort key: version of the first event |
//! | `e` | B | the events: JSON array of `{i?, t, v?, d}` (id, type, schema version, data) |
//! | `c` | S | commit id |
//! | `t` | N | time, in milliseconds |
//! | `k` | S | correlation id, unless it is the commit id |
//! | `a` | S | causation id, unless the commit id begins with it; empty if there is none |
//! | `w` | B | trace context: trace id, span id, flags (25 bytes) |
//! | `o` | N | hops, unless 0 |
//! | `m` | S | other metadata: JSON object |
//! | `g` | B | the causes that share the commit behind the first: JSON array, see `event_store::Joined` |
//! | `b` | S | where the events' data is, if it is not in `e` |
//! | `h`, `s`, `r` | N, B, B | carried state: layout digest, JSON, digests of recent commits (8 bytes each) |
//!
//! A snapshot is an item beside the commits of its stream, with a sort key behind all of theirs: the
//! query that reads a stream's tail from the newest end meets it first, in the same request. It has
//! `p`, `v`, `t`, `h`, `s`, `r`, perhaps `b` (where the state is), and `u`, the version of the last event in it.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use envelope::{CommitId, CorrelationId, Metadata, StreamId, Timestamp, Traceparent, Version};
use event_store::{Carried, Commit, ReadError, Recent, Snapshot, implied_causation_id};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn binary(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The key of a commit.
pub(crate) fn key(stream: &StreamId, version: Version) -> [(String, AttributeValue); 2] {
    [
        ("p".to_owned(), string(stream.to_string())),
        ("v".to_owned(), number(version)),
    ]
}

pub(crate) fn encode(commit: &Commit) -> Item {
    let metadata = &commit.metadata;
    let mut item = Item::from(key(&commit.stream, commit.first));
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    put(
        "e",
        binary(serde_json::to_vec(&commit.events).expect("events are JSON")),
    );
    put("c", string(commit.commit_id.as_str()));
    put("t", number(commit.time.as_millis()));
    if let Some(correlation_id) = commit.own_correlation_id() {
        put("k", string(correlation_id));
    }
    if let Some(causation_id) = commit.own_causation_id() {
        put("a", string(causation_id));
    }
    if let Some(traceparent) = metadata.traceparent {
        put("w", binary(traceparent.to_bytes().to_vec()));
    }
    if metadata.hops > 0 {
        put("o", number(metadata.hops));
    }
    if !metadata.extra.is_empty() {
        put(
            "m",
            string(serde_json::to_string(&metadata.extra).expect("metadata is JSON")),
        );
    }
    if !commit.joined.is_empty() {
        let joined = serde_json::to_vec(&commit.joined);
        put("g", binary(joined.expect("ids are JSON")));
    }
    if let Some(payload) = &commit.payload {
        put("b", string(payload));
    }
    if let Some(carried) = &commit.carried {
        put_carried(&mut item, carried);
    }
    item
}

fn put_carried(item: &mut Item, carried: &Carried) {
    let digests = carried.recent.digests().iter();
    let digests = digests.flat_map(|digest| digest.to_be_bytes()).collect();
    item.extend([
        ("h".to_owned(), number(carried.layout)),
        ("s".to_owned(), binary(carried.state.clone())),
        ("r".to_owned(), binary(digests)),
    ]);
}

/// The sort key of a stream's snapshot: behind all commits.
const SNAPSHOT: Version = Version::MAX;

pub(crate) fn encode_snapshot(stream: &StreamId, snapshot: &Snapshot) -> Item {
    let mut item = Item::from(key(stream, SNAPSHOT));
    item.insert("u".to_owned(), number(snapshot.version));
    item.insert("t".to_owned(), number(snapshot.time.as_millis()));
    if let Some(payload) = &snapshot.payload {
        item.insert("b".to_owned(), string(payload));
    }
    put_carried(&mut item, &snapshot.carried);
    item
}

pub(crate) fn is_snapshot(item: &Item) -> bool {
    parsed(item, "v") == Some(SNAPSHOT.get())
}

/// What the partition key of a claim begins with; its sort key is 0, which no commit has.
pub(crate) const CLAIM: &str = "claim#";

pub(crate) fn is_claim(item: &Item) -> bool {
    parsed(item, "v") == Some(0) && text(item, "p").is_some_and(|key| key.starts_with(CLAIM))
}

/// A snapshot that cannot be read is no snapshot: it is only a shortcut past the events.
pub(crate) fn decode_snapshot(item: &Item) -> Option<Snapshot> {
    Some(Snapshot {
        version: Version::new(parsed(item, "u")?),
        time: Timestamp::from_millis(parsed(item, "t")?),
        carried: carried(item)?,
        payload: optional(item, "b", filled)?.map(str::to_owned),
    })
}

/// Reads an item back.
///
/// # Errors
/// [`ReadError::Corrupt`], with the stream and version as far as they can be told.
pub(crate) fn decode(item: &Item) -> Result<Commit, ReadError> {
    try_decode(item).ok_or_else(|| corrupt(item))
}

fn corrupt(item: &Item) -> ReadError {
    let missing = ["p", "v", "e", "c", "t"]
        .into_iter()
        .find(|name| !item.contains_key(*name));
    ReadError::Corrupt {
        stream: text(item, "p").unwrap_or("?").to_owned(),
        version: parsed(item, "v").unwrap_or(0),
        what: missing.map_or_else(
            || "an attribute does not have the form that it should have".to_owned(),
            |name| format!("attribute `{name}` is missing"),
        ),
    }
}

fn try_decode(item: &Item) -> Option<Commit> {
    let commit_id = filled(item, "c")?;
    let commit_id = CommitId::from_stored(commit_id.to_owned());
    let correlation_id = optional(item, "k", text)?.unwrap_or(commit_id.as_str());
    let causation_id = optional(item, "a", text)?.unwrap_or(implied_causation_id(&commit_id));
    let metadata = Metadata {
        correlation_id: CorrelationId::new(correlation_id).ok()?,
        causation_id: (!causation_id.is_empty()).then(|| causation_id.to_owned()),
        traceparent: optional(item, "w", bytes)?
            .map(Traceparent::from_bytes)
            .transpose()
            .ok()?,
        hops: optional(item, "o", parsed)?.unwrap_or(0),
        seal: None,
        extra: match optional(item, "m", text)? {
            Some(json) => serde_json::from_str(json).ok()?,
            None => Default::default(),
        },
    };
    let commit = Commit {
        stream: StreamId::parse(text(item, "p")?).ok()?,
        first: Version::new(parsed(item, "v").filter(|version| *version > 0)?),
        time: Timestamp::from_millis(parsed(item, "t").filter(|millis| *millis >= 0)?),
        events: serde_json::from_slice(bytes(item, "e")?).ok()?,
        joined: match optional(item, "g", bytes)? {
            Some(json) => Some(serde_json::from_slice::<Vec<_>>(json).ok()?)
                .filter(|joined| !joined.is_empty())?,
            None => Vec::new(),
        },
        payload: optional(item, "b", filled)?.map(str::to_owned),
        carried: item.contains_key("s").then(|| carried(item)).flatten(),
        commit_id,
        metadata,
    };
    let joined: usize = commit.joined.iter().map(|joined| joined.events).sum();
    (commit.events.len() > joined).then_some(commit)
}

/// A carried state that cannot be read is left out: it is only a shortcut past the events.
fn carried(item: &Item) -> Option<Carried> {
    let digest = |chunk: &[u8]| chunk.try_into().map(u64::from_be_bytes).ok();
    Some(Carried {
        layout: parsed(item, "h")?,
        state: bytes(item, "s")?.to_vec(),
        recent: Recent::from_digests(
            bytes(item, "r")?
                .chunks(8)
                .map(digest)
                .collect::<Option<_>>()?,
        ),
    })
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A text that is not empty.
fn filled<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    text(item, name).filter(|text| !text.is_empty())
}

fn bytes<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(Blob::as_ref)
}

pub(crate) fn parsed<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// An attribute that may be missing, but not malformed.
fn optional<'a, T>(
    item: &'a Item,
    name: &str,
    read: impl FnOnce(&'a Item, &str) -> Option<T>,
) -> Option<Option<T>> {
    if item.contains_key(name) {
        read(item, name).map(Some)
    } else {
        Some(None)
    }
}

#[cfg(test)]
mod tests;
