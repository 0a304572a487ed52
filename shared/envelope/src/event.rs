//! What a typed event can do: tell its type, become data, and be read back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The data of one event type at its newest schema version.
pub trait EventData: Serialize + DeserializeOwned + Send + Sync {
    /// The name on the wire, in the past tense.
    const TYPE: &'static str;
    /// The newest version of its schema, from 1.
    const SCHEMA_VERSION: u32;
}

/// One event of a set: all that can happen to one kind of aggregate, or all that one reader knows.
pub trait Event: Sized + Clone + Send + Sync {
    /// The name on the wire.
    fn event_type(&self) -> &'static str;
    /// Version of the schema of [`data`](Event::data).
    fn schema_version(&self) -> u32;
    /// The data as JSON.
    fn data(&self) -> Value;
    /// Reads an event.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the type or version is not in the set, or the data has another shape.
    fn decode(event_type: &str, schema_version: u32, data: &Value)
    -> Result<Self, UnreadableEvent>;
}

/// An event that its reader cannot read. It is never skipped in silence.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// The reader does not know this type at this version.
    #[error("no reader for {event_type} version {schema_version}")]
    Unknown {
        /// Type on the wire.
        event_type: String,
        /// Version on the wire.
        schema_version: u32,
    },
    /// The data does not have the shape of its schema.
    #[error("the data of {event_type} does not have the shape of its schema: {what}")]
    Shape {
        /// Type on the wire.
        event_type: String,
        /// What is wrong with it, without the values in it.
        what: String,
    },
}

impl UnreadableEvent {
    /// The error for an unknown type or version.
    #[must_use]
    pub fn unknown(event_type: &str, schema_version: u32) -> Self {
        Self::Unknown {
            event_type: event_type.to_owned(),
            schema_version,
        }
    }

    /// Reads the data of one known type.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the version is newer than the reader, or the shape is another.
    pub fn read<D: EventData>(schema_version: u32, data: &Value) -> Result<D, Self> {
        if schema_version != D::SCHEMA_VERSION {
            return Err(Self::unknown(D::TYPE, schema_version));
        }
        D::deserialize(data).map_err(|error| Self::Shape {
            event_type: D::TYPE.to_owned(),
            what: masked(&error),
        })
    }
}

/// What a JSON error says, without the values that it quotes: they may be personal data, and errors
/// end in logs.
pub(crate) fn masked(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &text[..first], &text[last + 1..])
        }
        _ => text,
    };
    match text.split_once('`') {
        Some((before, rest)) if !before.ends_with("missing field ") => {
            let rest = rest.split_once('`').map_or("", |(_, rest)| rest);
            format!("{before}…{rest}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Person {
        name: String,
        age: u32,
    }

    #[test]
    fn an_error_names_the_field_and_never_the_value() {
        let error = |json: Value| masked(&Person::deserialize(json).expect_err("malformed"));
        assert_eq!(error(json!({"age": 1})), "missing field `name`");
        let cases = [
            json!({"name": "Ada", "age": "se\"cret"}),
            json!({"name": 771_199, "age": 1}),
        ];
        for case in cases {
            let text = error(case);
            assert!(
                text.starts_with("invalid type") && text.contains("expected"),
                "{text}"
            );
            assert!(!text.contains("cret") && !text.contains("771199"), "{text}");
        }
    }
}
