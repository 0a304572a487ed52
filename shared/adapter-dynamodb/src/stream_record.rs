//! A record of the table's change stream, as Lambda delivers it, back to the commit that it tells of.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use event_store::{Commit, ReadError};
use serde_json::Value;

use crate::item::{Item, decode};

/// Why a record is not a commit.
#[derive(Debug, thiserror::Error)]
pub enum NotACommit {
    /// It tells of something else: a change, a removal, or an item that is no commit.
    #[error("the record does not tell of a new commit")]
    Other,
    /// It should be a commit, and cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Reads the `NewImage` of an `INSERT` record.
///
/// # Errors
/// [`NotACommit::Other`] for what can be passed over, [`NotACommit::Unreadable`] for what must not be.
pub fn commit_of_record(record: &Value) -> Result<Commit, NotACommit> {
    let image = &record["dynamodb"]["NewImage"];
    let is_commit = record["eventName"] == "INSERT" && image.get("e").is_some();
    if !is_commit {
        return Err(NotACommit::Other);
    }
    let attributes = image.as_object().into_iter().flatten();
    // An attribute that cannot be read stays, as one of a type that no commit has: left out, it
    // could pass for one that was never there.
    let readable = |value| attribute(value).unwrap_or(AttributeValue::Null(true));
    let item: Item = attributes.map(|(name, value)| (name.clone(), readable(value))).collect();
    Ok(decode(&item)?)
}

/// The types that commits use.
fn attribute(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let text = value.as_str()?;
    match kind.as_str() {
        "S" => Some(AttributeValue::S(text.to_owned())),
        "N" => Some(AttributeValue::N(text.to_owned())),
        "B" => Some(AttributeValue::B(Blob::new(BASE64_STANDARD.decode(text).ok()?))),
        _ => None,
    }
}
