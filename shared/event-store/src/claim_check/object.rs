//! What lies beside the table, as a pure matter: which object a commit or a state becomes, under
//! which key, and how it is put back together.
//!
//! A key is the place in the stream and a digest of the content. So the same object put twice is one
//! object, two writers who race for a place never overwrite each other, and an object that was
//! changed under its key is noticed. Ids may hold any character, and tools and emulators take some of
//! them for a path's, so all but letters, digits, `-` and `_` stand as `!` and their hexadecimal bytes.

use envelope::{StreamId, Version};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::size::check_size;
use crate::{AppendError, Commit, ReadError, Recorded, Snapshot};

/// The largest object, in bytes: JSON takes some times as much memory once it is parsed, and all of
/// a commit is held at once, by its writer and by every reader, in functions that may have only a few hundred
/// megabytes.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest event that is stored, in bytes of its envelope's JSON: what a bus takes in one entry,
/// of which the relay needs some for its seal and for the fields around the event. EventBridge takes
/// 1 MB (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>).
pub const EVENT_BYTES_MAX: usize = 1_000_000 - 1_024;

/// What the keys of commits' objects begin with. Such an object is a part of history.
pub const COMMITS_PREFIX: &str = "commits/";

/// What the keys of snapshots' objects begin with. Such an object may be deleted at any time.
pub const SNAPSHOTS_PREFIX: &str = "snapshots/";

/// An object that is to be put before the item that points at it.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
}

/// The commit with its events' data in an object.
///
/// # Errors
/// [`AppendError::EventTooLarge`] and [`AppendError::TooLarge`].
pub(super) fn take_data_out(commit: &Commit) -> Result<(Commit, Object), AppendError> {
    let data: Vec<&Value> = commit.events.iter().map(|event| &event.data).collect();
    let bytes = serde_json::to_vec(&data).expect("data are JSON");
    let (size, max) = (bytes.len(), PAYLOAD_BYTES_MAX);
    if size > max {
        return Err(AppendError::TooLarge { bytes: size, max });
    }
    check_events(commit)?;
    let key = key(COMMITS_PREFIX, &commit.stream, commit.first, &bytes);
    let dataless = |event: &Recorded| Recorded {
        event_id: event.event_id.clone(),
        event_type: event.event_type.clone(),
        schema_version: event.schema_version,
        data: Value::Null,
    };
    let mut pointing = Commit {
        stream: commit.stream.clone(),
        first: commit.first,
        commit_id: commit.commit_id.clone(),
        time: commit.time,
        metadata: commit.metadata.clone(),
        events: commit.events.iter().map(dataless).collect(),
        joined: commit.joined.clone(),
        payload: Some(key.clone()),
        carried: commit.carried.clone(),
    };
    if check_size(&pointing).is_err() {
        // The state need not ride.
        pointing.carried = None;
        check_size(&pointing)?;
    }
    Ok((pointing, Object { key, bytes }))
}

fn check_events(commit: &Commit) -> Result<(), AppendError> {
    let max = EVENT_BYTES_MAX;
    for event in commit.parts().flat_map(|part| commit.envelopes_of(part)) {
        let bytes = serde_json::to_vec(&event).expect("an event is JSON").len();
        if bytes > max {
            let version = event.version;
            return Err(AppendError::EventTooLarge {
                version,
                bytes,
                max,
            });
        }
    }
    Ok(())
}

/// Puts the data back into a commit whose pointer was taken out.
///
/// # Errors
/// [`ReadError::Corrupt`] when the object is missing, or is not what was put.
pub(super) fn put_data_back(
    mut commit: Commit,
    key: &str,
    object: Option<&[u8]>,
) -> Result<Commit, ReadError> {
    let corrupt = |what: &str| ReadError::Corrupt {
        stream: commit.stream.to_string(),
        version: commit.first.get(),
        what: format!("the object `{key}` with the data of its events {what}"),
    };
    let Some(bytes) = object else {
        return Err(corrupt("is missing"));
    };
    if !belongs(key, bytes) {
        return Err(corrupt("is not what was stored"));
    }
    let data: Vec<Value> =
        serde_json::from_slice(bytes).map_err(|_| corrupt("is not a JSON array"))?;
    if data.len() != commit.events.len() {
        return Err(corrupt("has not as many values as there are events"));
    }
    for (event, data) in commit.events.iter_mut().zip(data) {
        event.data = data;
    }
    Ok(commit)
}

/// The snapshot with its state in an object.
pub(super) fn take_state_out(stream: &StreamId, snapshot: &Snapshot) -> (Snapshot, Object) {
    let mut pointing = snapshot.clone();
    let bytes = std::mem::take(&mut pointing.carried.state);
    let key = key(SNAPSHOTS_PREFIX, stream, snapshot.version, &bytes);
    pointing.payload = Some(key.clone());
    (pointing, Object { key, bytes })
}

/// Whether this is what was put under the key.
pub(super) fn belongs(key: &str, bytes: &[u8]) -> bool {
    let stored = key.rsplit_once('-').map(|(_, digest)| digest);
    stored == Some(digest(bytes).as_str())
}

fn key(prefix: &str, stream: &StreamId, version: Version, bytes: &[u8]) -> String {
    let kind = escaped(stream.aggregate_type());
    let id = escaped(stream.aggregate_id());
    format!("{prefix}{kind}/{id}/{version}-{}", digest(bytes))
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn escaped(id: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("!{other:02X}"),
    };
    id.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_place_and_nothing_in_it_leads_elsewhere() {
        let stream = StreamId::new("Order", "../a b/ü").expect("an id");
        let key = key(COMMITS_PREFIX, &stream, Version::new(7), b"[]");
        let (place, digest) = key.rsplit_once('-').expect("a digest");
        assert_eq!(place, "commits/Order/!2E!2E!2Fa!20b!2F!C3!BC/7");
        assert_eq!(
            digest,
            // `printf '[]' | sha256sum`
            "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
        );
    }

    #[test]
    fn the_longest_key_leaves_room_for_a_prefix_in_a_bucket() {
        let stream = StreamId::new("ü".repeat(64), "/".repeat(128));
        let stream = stream.expect("an id");
        let key = key(SNAPSHOTS_PREFIX, &stream, Version::MAX, b"");
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
        assert!(key.len() <= 1_024 - 128, "{} bytes", key.len());
    }
}
