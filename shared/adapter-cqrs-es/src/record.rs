//! The framework's events as a commit, and back.
//!
//! What a commit has no place for (versions such as `1.0`, and the caller's metadata) is kept in the
//! commit's metadata, not around each event's data: whoever reads the change stream then finds the
//! data as the domain wrote it.

use cqrs_es::persist::SerializedEvent;
use envelope::{Cause, CommandId, Metadata, StreamId, Timestamp, Version};
use event_store::{Commit, Part, Recorded};
use ports::{Ids, RandomIds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::RepositoryError;

/// The key in a command's metadata under which its id is looked for. With an id, a command that is
/// sent twice is recognised as far back as the stream remembers.
pub const COMMAND_ID: &str = "command_id";

/// Where the commit's metadata has what the store has no other place for.
const KEPT: &str = "cqrsEs";

/// What is kept beside the events. Either list has one entry for each event, or one for all of
/// them, or none where there is nothing to say.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    /// Versions as the domain wrote them, unless all are plain numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    event_versions: Vec<String>,
    /// The caller's metadata, unless all is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<Value>,
}

/// The events of one call, at least one, as one commit.
pub(crate) fn commit(
    aggregate_type: &str,
    events: &[SerializedEvent],
    time: Timestamp,
) -> Result<Commit, RepositoryError> {
    let [event, ..] = events else {
        return Err(RepositoryError::Batch("there is none"));
    };
    for (position, next) in (event.sequence..).zip(events) {
        let same = next.aggregate_type == aggregate_type && next.aggregate_id == event.aggregate_id;
        if !same {
            return Err(RepositoryError::Batch("they are of several aggregates"));
        }
        if position == 0 || next.sequence != position {
            let what = "their sequence numbers do not follow each other from 1 on";
            return Err(RepositoryError::Batch(what));
        }
    }
    let cause = cause(events)?;
    let mut metadata = cause.metadata();
    if let Some(kept) = kept(events) {
        metadata.extra.insert(KEPT.to_owned(), kept);
    }
    let recorded = events.iter().map(|event| Recorded {
        event_id: None,
        event_type: event.event_type.clone(),
        schema_version: schema_version(&event.event_version),
        data: event.payload.clone(),
    });
    Ok(Commit {
        stream: StreamId::new(aggregate_type, &event.aggregate_id)?,
        first: Version::new(event.sequence as u64),
        commit_id: cause.commit_id().clone(),
        time,
        metadata,
        events: recorded.collect(),
        joined: Vec::new(),
        payload: None,
        carried: None,
    })
}

/// The command, under the id that its metadata names or else a fresh one.
fn cause(events: &[SerializedEvent]) -> Result<Cause, RepositoryError> {
    let mut named = events
        .iter()
        .map(|event| event.metadata.get(COMMAND_ID).and_then(Value::as_str));
    let first = named.next().flatten();
    if named.any(|other| other != first) {
        return Err(RepositoryError::Batch("they are of several commands"));
    }
    Ok(Cause::command(&match first {
        Some(id) => CommandId::new(id)?,
        None => CommandId::from_uuid(RandomIds.next()),
    }))
}

fn kept(events: &[SerializedEvent]) -> Option<Value> {
    let mut kept = Kept::default();
    if !events.iter().all(|event| is_plain(&event.event_version)) {
        kept.event_versions = one_or_each(events.iter().map(|event| &event.event_version));
    }
    if !events.iter().all(|event| is_empty(&event.metadata)) {
        kept.metadata = one_or_each(events.iter().map(|event| &event.metadata));
    }
    let some = !kept.event_versions.is_empty() || !kept.metadata.is_empty();
    some.then(|| serde_json::to_value(kept).expect("lists of JSON are JSON"))
}

fn one_or_each<'a, T: PartialEq + Clone + 'a>(values: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut values: Vec<T> = values.cloned().collect();
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        values.truncate(1);
    }
    values
}

/// The store counts schema versions from 1. A version such as `2.1` is stored under its major
/// number, and one that does not begin with a number under 0; both are also kept as they are.
fn schema_version(text: &str) -> u32 {
    let major = text.split_once('.').map_or(text, |(major, _)| major);
    let digits = major.bytes().all(|byte| byte.is_ascii_digit());
    major.parse().ok().filter(|_| digits).unwrap_or(0)
}

/// Whether the number says all of the version.
fn is_plain(text: &str) -> bool {
    schema_version(text).to_string() == text && text != "0"
}

fn is_empty(metadata: &Value) -> bool {
    metadata.as_object().is_some_and(Map::is_empty)
}

/// The framework's events of a commit.
pub(crate) fn events(commit: &Commit) -> Result<Vec<SerializedEvent>, RepositoryError> {
    let unreadable = |what| RepositoryError::Unreadable {
        stream: commit.stream.to_string(),
        version: commit.first,
        what,
    };
    if commit.payload.is_some() {
        let what = "its data is elsewhere, and this store has no access to it";
        return Err(unreadable(what));
    }
    let mut events = Vec::with_capacity(commit.events.len());
    for part in commit.parts() {
        let kept = kept_of(part.metadata).ok_or_else(|| unreadable(NOT_THE_FORM))?;
        for index in 0..part.events.len() {
            let event = event(&commit.stream, part, &kept, index);
            events.push(event.ok_or_else(|| unreadable(NOT_THE_FORM))?);
        }
    }
    Ok(events)
}

const NOT_THE_FORM: &str = "`cqrsEs` in its metadata does not have the form that it should have";

/// What was kept; nothing for a commit that was not written through the framework.
fn kept_of(metadata: &Metadata) -> Option<Kept> {
    match metadata.extra.get(KEPT) {
        // A list would be read as well, field by field.
        Some(kept) => kept.is_object().then(|| Kept::deserialize(kept).ok())?,
        None => Some(Kept::default()),
    }
}

/// One event of a part; `None` if what was kept does not fit to it.
fn event(stream: &StreamId, part: Part<'_>, kept: &Kept, index: usize) -> Option<SerializedEvent> {
    let (recorded, count) = (&part.events[index], part.events.len());
    let version = match entry(&kept.event_versions, index, count)? {
        Some(text) if schema_version(text) != recorded.schema_version => return None,
        Some(text) => text.clone(),
        None => recorded.schema_version.to_string(),
    };
    let metadata = entry(&kept.metadata, index, count)?.cloned();
    let sequence = part.first.plus(index as u64).get();
    Some(SerializedEvent {
        aggregate_id: stream.aggregate_id().to_owned(),
        sequence: usize::try_from(sequence).ok()?,
        aggregate_type: stream.aggregate_type().to_owned(),
        event_type: recorded.event_type.clone(),
        event_version: version,
        payload: recorded.data.clone(),
        metadata: metadata.unwrap_or_else(|| Value::Object(Map::new())),
    })
}

/// The entry of an event in one of the lists, if it says anything; `None` if it is no such list.
fn entry<T>(list: &[T], index: usize, count: usize) -> Option<Option<&T>> {
    match list {
        [] => Some(None),
        [all] => Some(Some(all)),
        each => (each.len() == count).then(|| each.get(index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn batch(versions: &[&str], metadata: &[Value]) -> Vec<SerializedEvent> {
        let each = versions.iter().zip(metadata).zip(7..);
        each.map(|((version, metadata), sequence)| SerializedEvent {
            aggregate_id: "1".to_owned(),
            sequence,
            aggregate_type: "account".to_owned(),
            event_type: "Deposited".to_owned(),
            event_version: (*version).to_owned(),
            payload: json!({"Deposited": {"amount": sequence}}),
            metadata: metadata.clone(),
        })
        .collect()
    }

    fn stored(events: &[SerializedEvent]) -> Commit {
        commit("account", events, Timestamp::from_millis(0)).expect("a commit")
    }

    #[test]
    fn events_read_back_as_they_were_whatever_their_versions_and_metadata() {
        let versions = [
            "1",
            "2",
            "17",
            "1.0",
            "1.0.0",
            "2.1",
            "0",
            "0.3",
            "01",
            "+1",
            "",
            "beta",
            "4294967296",
            "1.",
            "-1",
        ];
        let metadata = [
            json!({}),
            json!({"user": "ann"}),
            Value::Null,
            json!(["odd"]),
        ];
        for version in versions {
            for metadata in &metadata {
                let one = batch(&[version], std::slice::from_ref(metadata));
                assert_eq!(events(&stored(&one)).expect("readable"), one, "{version}");
            }
            let mixed = batch(
                &[version, "1", version],
                &[json!({}), json!({"user": "ann"}), json!({"user": "bob"})],
            );
            assert_eq!(
                events(&stored(&mixed)).expect("readable"),
                mixed,
                "{version}"
            );
        }
    }

    #[test]
    fn a_plain_version_and_no_metadata_take_no_room() {
        let plain = stored(&batch(&["3", "3"], &[json!({}), json!({})]));
        assert!(plain.metadata.extra.is_empty(), "{:?}", plain.metadata);
        assert_eq!(plain.events[1].schema_version, 3);
        let dotted = stored(&batch(&["3.1", "3.1"], &[json!({}), json!({})]));
        let kept = &dotted.metadata.extra[KEPT];
        assert_eq!(kept, &json!({"eventVersions": ["3.1"]}));
        assert_eq!(dotted.events[1].schema_version, 3);
    }

    #[test]
    fn what_was_kept_in_another_form_is_an_error_and_no_guess() {
        let good = stored(&batch(
            &["1.0", "1.0", "1.0"],
            &[json!({}), json!({}), json!({})],
        ));
        let garbled = [
            json!({"eventVersions": ["1.0", "1.0"]}),
            json!({"eventVersions": ["2.0"]}),
            json!({"eventVersions": "1.0"}),
            json!({"versions": ["1.0"]}),
            json!({"metadata": [{}, {}]}),
            json!("1.0"),
            json!([]),
        ];
        for kept in garbled {
            let mut commit = good.clone();
            commit.metadata.extra.insert(KEPT.to_owned(), kept.clone());
            let error = events(&commit).expect_err("garbled");
            let expected = "the commit at account#1 version 7 cannot be read";
            assert!(error.to_string().starts_with(expected), "{kept}: {error}");
        }
        let elsewhere = Commit {
            payload: Some("payloads/1".to_owned()),
            ..good
        };
        assert!(events(&elsewhere).is_err(), "there is no data to read");
    }

    #[test]
    fn events_that_are_no_one_commit_are_refused() {
        let refused = |events: &[SerializedEvent]| {
            let refusal = commit("account", events, Timestamp::from_millis(0));
            assert!(
                matches!(refusal, Err(RepositoryError::Batch(_))),
                "{refusal:?}"
            );
        };
        let none = [json!({}), json!({})];
        refused(&[]);
        let mut gap = batch(&["1", "1"], &none);
        gap[1].sequence += 1;
        refused(&gap);
        let mut before_the_first = batch(&["1"], &none);
        before_the_first[0].sequence = 0;
        refused(&before_the_first);
        let mut other = batch(&["1", "1"], &none);
        other[1].aggregate_id = "2".to_owned();
        refused(&other);
        let mut kind = batch(&["1"], &none);
        kind[0].aggregate_type = "order".to_owned();
        refused(&kind);
        refused(&batch(
            &["1", "1"],
            &[json!({"command_id": "a"}), json!({"command_id": "b"})],
        ));
    }

    #[test]
    fn a_command_that_has_an_id_gives_it_to_its_commit() {
        let named = stored(&batch(&["1"], &[json!({"command_id": "pay-7"})]));
        assert_eq!(named.commit_id.as_str(), "pay-7");
        let fresh = || stored(&batch(&["1"], &[json!({})])).commit_id;
        assert_ne!(fresh(), fresh());
        let impossible = batch(&["1"], &[json!({"command_id": "pay#7"})]);
        let refusal = commit("account", &impossible, Timestamp::from_millis(0));
        assert!(
            matches!(refusal, Err(RepositoryError::InvalidId(_))),
            "{refusal:?}"
        );
    }
}
