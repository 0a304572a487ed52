//! What a typed event can do: tell its type, become data, and be read back.
//!
//! Events stored under an earlier schema version are brought up to the newest one on every read,
//! because every read goes through [`UnreadableEvent::read`]. A stored event is never rewritten.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Brings data of one schema version to the next.
///
/// # Errors
/// What is wrong with the data, without the values in it.
pub type Upcaster = fn(Value) -> Result<Value, &'static str>;

/// The data of one event type at its newest schema version.
pub trait EventData: Serialize + DeserializeOwned + Send + Sync {
    /// The name on the wire, in the past tense.
    const TYPE: &'static str;
    /// The newest version of its schema, from 1.
    const SCHEMA_VERSION: u32;
    /// One for each earlier version, from 1: the first makes version 2 of version 1.
    ///
    /// ```
    /// # use envelope::{EventData, UnreadableEvent, Upcaster};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize)]
    /// struct Renamed { name: String }
    /// impl EventData for Renamed {
    ///     const TYPE: &'static str = "Renamed";
    ///     const SCHEMA_VERSION: u32 = 2;
    ///     const UPCASTERS: &'static [Upcaster] = &[|mut data| {
    ///         data["name"] = data["title"].take();
    ///         Ok(data)
    ///     }];
    /// }
    /// let old = serde_json::json!({ "title": "One" });
    /// let read = UnreadableEvent::read::<Renamed>(1, &old)?;
    /// assert_eq!(read.name, "One");
    /// # Ok::<(), UnreadableEvent>(())
    /// ```
    ///
    /// One too few or too many does not compile:
    ///
    /// ```compile_fail
    /// # use envelope::{EventData, UnreadableEvent, Upcaster};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Renamed { name: String }
    /// impl EventData for Renamed {
    ///     const TYPE: &'static str = "Renamed";
    ///     const SCHEMA_VERSION: u32 = 2;
    ///     const UPCASTERS: &'static [Upcaster] = &[];
    /// }
    /// # let old = serde_json::json!({ "title": "One" });
    /// let read = UnreadableEvent::read::<Renamed>(1, &old)?;
    /// # assert_eq!(read.name, "One");
    /// # Ok::<(), UnreadableEvent>(())
    /// ```
    const UPCASTERS: &'static [Upcaster] = &[];
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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

    /// Reads the data of one known type, and brings it to the newest version where it is older.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the version is newer than the reader, or the shape is another.
    pub fn read<D: EventData>(schema_version: u32, data: &Value) -> Result<D, Self> {
        const {
            assert!(
                D::UPCASTERS.len() + 1 == D::SCHEMA_VERSION as usize,
                "each earlier schema version needs an upcaster to the next"
            );
        }
        let shape = |what| Self::Shape {
            event_type: D::TYPE.to_owned(),
            what,
        };
        if schema_version == D::SCHEMA_VERSION {
            return D::deserialize(data).map_err(|error| shape(masked(&error)));
        }
        let steps = schema_version
            .checked_sub(1)
            .and_then(|done| D::UPCASTERS.get(done as usize..));
        let Some(steps @ [_, ..]) = steps else {
            return Err(Self::unknown(D::TYPE, schema_version));
        };
        let newest = steps.iter().try_fold(data.clone(), |data, step| step(data));
        let newest = newest.map_err(|what| shape(what.to_owned()))?;
        D::deserialize(newest).map_err(|error| shape(masked(&error)))
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

    /// Version 1 had one field for the whole name, version 2 two; version 3 has an age as well.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Registered {
        first: String,
        last: String,
        age: Option<u32>,
    }

    fn split_name(mut data: Value) -> Result<Value, &'static str> {
        let name = data["name"].as_str().ok_or("`name` is no text")?.to_owned();
        let (first, last) = name.split_once(' ').ok_or("`name` has one part")?;
        data["first"] = json!(first);
        data["last"] = json!(last);
        Ok(data)
    }

    fn add_age(mut data: Value) -> Result<Value, &'static str> {
        data["age"] = Value::Null;
        Ok(data)
    }

    impl EventData for Registered {
        const TYPE: &'static str = "Registered";
        const SCHEMA_VERSION: u32 = 3;
        const UPCASTERS: &'static [Upcaster] = &[split_name, add_age];
    }

    #[test]
    fn an_older_event_is_upcast_step_by_step() {
        let newest = Registered {
            first: "Ada".into(),
            last: "Lovelace".into(),
            age: None,
        };
        let versions = [
            (1, json!({"name": "Ada Lovelace"})),
            (2, json!({"first": "Ada", "last": "Lovelace"})),
            (3, json!({"first": "Ada", "last": "Lovelace", "age": null})),
        ];
        for (version, data) in versions {
            let read = UnreadableEvent::read::<Registered>(version, &data);
            assert_eq!(read.as_ref(), Ok(&newest), "version {version}");
        }
    }

    #[test]
    fn a_version_that_no_upcaster_starts_from_is_unknown() {
        for version in [0, 4, u32::MAX] {
            let read = UnreadableEvent::read::<Registered>(version, &json!({}));
            let unknown = UnreadableEvent::unknown("Registered", version);
            assert_eq!(read, Err(unknown));
        }
    }

    #[test]
    fn data_that_an_upcaster_cannot_take_has_another_shape() {
        let read = UnreadableEvent::read::<Registered>(1, &json!({"name": "Ada"}));
        let shape = UnreadableEvent::Shape {
            event_type: "Registered".to_owned(),
            what: "`name` has one part".to_owned(),
        };
        assert_eq!(read, Err(shape));
    }
}
