//! A record of the table's change stream, as Lambda delivers it, back to the commit that it tells of.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use event_store::{Commit, ReadError};
use serde_json::{Map, Value, json};

use crate::item::{Item, decode, encode, is_claim, is_snapshot};

/// Why a record is not a commit.
#[derive(Debug, thiserror::Error)]
pub enum NotACommit {
    /// It tells of something else: a change, a removal, or an item that is no commit.
    #[error("the record does not tell of a new commit")]
    Other,
    /// It is a commit whose events have their data elsewhere: to be completed with
    /// [`fetch_data`](event_store::fetch_data).
    #[error(
        "the data of the events of {} from version {} on are in the object `{}`, and this reader has no access to it: fetch them with `fetch_data`, and publish the commit again",
        .0.stream, .0.first, .0.payload.as_deref().unwrap_or_default()
    )]
    Elsewhere(Box<Commit>),
    /// It should be a commit, and cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Reads the `NewImage` of an `INSERT` record.
///
/// # Errors
/// [`NotACommit::Other`] for what can be passed over, [`NotACommit::Unreadable`] for what must not be,
/// [`NotACommit::Elsewhere`] for a commit that is not complete.
pub fn commit_of_record(record: &Value) -> Result<Commit, NotACommit> {
    let image = &record["dynamodb"]["NewImage"];
    let (true, Some(attributes)) = (record["eventName"] == "INSERT", image.as_object()) else {
        return Err(NotACommit::Other);
    };
    // An attribute that cannot be read stays, as one of a type that no commit has: left out, it
    // could pass for one that was never there.
    let readable = |value| attribute(value).unwrap_or(AttributeValue::Null(true));
    let item: Item = attributes
        .iter()
        .map(|(name, value)| (name.clone(), readable(value)))
        .collect();
    if is_snapshot(&item) || is_claim(&item) {
        return Err(NotACommit::Other);
    }
    let commit = decode(&item)?;
    match commit.payload {
        None => Ok(commit),
        Some(_) => Err(NotACommit::Elsewhere(Box::new(commit))),
    }
}

/// The record that the change stream delivers of a new commit: for tests and simulations of what
/// reads the stream.
#[must_use]
pub fn record_of_commit(commit: &Commit, sequence_number: &str) -> Value {
    let value = |value: AttributeValue| match value {
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": BASE64_STANDARD.encode(bytes) }),
        AttributeValue::S(text) => json!({ "S": text }),
        other => unreachable!("a commit has no attribute of this type: {other:?}"),
    };
    let image: Map<_, _> = encode(commit)
        .into_iter()
        .map(|(name, v)| (name, value(v)))
        .collect();
    json!({
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": { "SequenceNumber": sequence_number, "NewImage": image },
    })
}

/// The types that commits use.
fn attribute(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let text = value.as_str()?;
    match kind.as_str() {
        "S" => Some(AttributeValue::S(text.to_owned())),
        "N" => Some(AttributeValue::N(text.to_owned())),
        "B" => Some(AttributeValue::B(Blob::new(
            BASE64_STANDARD.decode(text).ok()?,
        ))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        let events = BASE64_STANDARD.encode(r#"[{"t":"OrderPlaced","d":{"orderId":"ord-1"}}]"#);
        json!({ "eventName": "INSERT", "dynamodb": { "NewImage": {
            "p": {"S": "Order#ord-1"}, "v": {"N": "3"}, "e": {"B": events},
            "c": {"S": "place-1"}, "t": {"N": "1795212345678"},
            "k": {"S": "story"}, "o": {"N": "2"}, "later": {"L": []},
        }}})
    }

    #[test]
    fn a_record_of_a_new_commit_reads_back() {
        let commit = commit_of_record(&record()).expect("a commit");
        let envelope = &commit.envelopes()[0];
        assert_eq!(
            (envelope.event_type.as_str(), envelope.version.get()),
            ("OrderPlaced", 3)
        );
        assert_eq!(
            (
                envelope.metadata.correlation_id.as_str(),
                envelope.metadata.hops
            ),
            ("story", 2)
        );
    }

    #[test]
    fn a_record_without_its_events_data_is_not_taken_for_a_whole_commit() {
        let mut pointing = record();
        let key = "commits/Order/ord-1/3-0123";
        pointing["dynamodb"]["NewImage"]["b"] = json!({ "S": key });
        match commit_of_record(&pointing) {
            Err(why @ NotACommit::Elsewhere(_)) => {
                let text = why.to_string();
                assert!(text.contains("Order#ord-1 from version 3"), "{text}");
                assert!(text.contains(key) && text.contains("fetch_data"), "{text}");
            }
            other => panic!("its data are elsewhere, and the answer is {other:?}"),
        }
    }

    #[test]
    fn what_is_no_new_commit_can_be_passed_over() {
        let mut removed = record();
        removed["eventName"] = json!("REMOVE");
        let claim = json!({ "eventName": "INSERT", "dynamodb": { "NewImage": { "p": {"S": "claim#x"}, "v": {"N": "0"} } } });
        for other in [removed, claim, json!({}), json!(null)] {
            assert!(
                matches!(commit_of_record(&other), Err(NotACommit::Other)),
                "{other}"
            );
        }
    }

    #[test]
    fn a_new_row_that_lacks_what_every_commit_has_is_not_passed_over() {
        for name in ["p", "v", "e", "c", "t"] {
            let mut record = record();
            let image = record["dynamodb"]["NewImage"].as_object_mut();
            image.expect("an image").remove(name);
            let result = commit_of_record(&record);
            assert!(matches!(result, Err(NotACommit::Unreadable(_))), "{name}");
        }
    }

    #[test]
    fn a_garbled_attribute_is_not_taken_for_one_that_was_never_there() {
        for name in ["p", "v", "e", "c", "t", "k", "o"] {
            for garbled in [
                json!({"B": "no base64!"}),
                json!({"BOOL": true}),
                json!({"N": 1}),
                json!("x"),
            ] {
                let mut record = record();
                record["dynamodb"]["NewImage"][name] = garbled.clone();
                let result = commit_of_record(&record);
                assert!(
                    matches!(result, Err(NotACommit::Unreadable(_))),
                    "{name}: {garbled}"
                );
            }
        }
    }
}
