//! A record of the views table's change stream, as Lambda delivers it, back to the view that it tells of.

use ports::Revision;
use serde_json::{Value, json};

/// A view as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView<'a> {
    /// The key that it is under.
    pub key: &'a str,
    /// The view, as JSON.
    pub body: &'a str,
}

/// Reads the `NewImage` of a record. Nothing for a record of a removal, or of a total.
#[must_use]
pub fn view_of_record(record: &Value) -> Option<SavedView<'_>> {
    let image = &record["dynamodb"]["NewImage"];
    Some(SavedView {
        key: image["k"]["S"].as_str()?,
        body: image["b"]["S"].as_str()?,
    })
}

/// The record that the change stream delivers of a view that was saved: for tests of what reads the
/// stream.
#[must_use]
pub fn record_of_view(view: &SavedView<'_>, revision: Revision, sequence_number: &str) -> Value {
    let event = if revision.0 <= 1 { "INSERT" } else { "MODIFY" };
    let image = json!({
        "k": { "S": view.key }, "r": { "N": revision.0.to_string() }, "b": { "S": view.body },
    });
    json!({
        "eventName": event,
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": sequence_number, "Keys": { "k": { "S": view.key } }, "NewImage": image,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_view_reads_back_and_anything_else_is_passed_over() {
        let view = SavedView {
            key: "order@1#ord-1",
            body: "{}",
        };
        for revision in [1, 2] {
            let record = record_of_view(&view, Revision(revision), "7");
            assert_eq!(view_of_record(&record), Some(view.clone()));
        }
        let total = json!({ "dynamodb": { "NewImage": { "k": {"S": "sales@1#x"}, "a:orders": {"N": "1"} } } });
        let removed =
            json!({ "eventName": "REMOVE", "dynamodb": { "Keys": { "k": {"S": "order@1#x"} } } });
        for other in [total, removed, json!({}), json!(null)] {
            assert_eq!(view_of_record(&other), None, "{other}");
        }
    }
}
