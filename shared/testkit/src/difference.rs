//! What a decision led to, in words that show where it differs from what was expected.
//!
//! Events are compared and shown as they are stored, by type, version and data. So users' events
//! need neither `PartialEq` nor `Debug`, and a message names the fields that are on the wire.

use std::fmt::{self, Display};

use envelope::Event;
use serde_json::Value;

/// An answer of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// It decided on these events.
    Events(Vec<StoredEvent>),
    /// It refused; the reason as the code and as people see it.
    Rejection(String, String),
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredEvent {
    event_type: &'static str,
    schema_version: u32,
    data: Value,
}

impl Told {
    pub(crate) fn event<E: Event>(event: &E) -> StoredEvent {
        StoredEvent {
            event_type: event.event_type(),
            schema_version: event.schema_version(),
            data: event.data(),
        }
    }

    pub(crate) fn events<E: Event>(events: &[E]) -> Self {
        Self::Events(events.iter().map(Self::event).collect())
    }

    /// Two rejections are the same if they look the same: what a caller sees of them is what counts.
    pub(crate) fn rejection<R: std::error::Error>(rejection: &R) -> Self {
        Self::Rejection(format!("{rejection:?}"), rejection.to_string())
    }
}

impl Display for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} v{} {}",
            self.event_type, self.schema_version, self.data
        )
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(events) if events.is_empty() => f.write_str("\n  nothing"),
            Self::Events(events) => (1..)
                .zip(events)
                .try_for_each(|(number, event)| write!(f, "\n  {number}. {event}")),
            Self::Rejection(code, text) => write!(f, "\n  refused: {code} ({text})"),
        }
    }
}

/// What a failed test says.
pub(crate) fn report(
    aggregate: &str,
    history: &Told,
    command: &str,
    expected: &Told,
    got: &Told,
) -> String {
    let mut text = format!(
        "{aggregate} decided otherwise\ngiven{history}\nwhen\n  {command}\nexpected{expected}\ngot{got}"
    );
    let (Told::Events(expected), Told::Events(got)) = (expected, got) else {
        return text;
    };
    let mut differences = Vec::new();
    for (number, (expected, got)) in (1..).zip(expected.iter().zip(got)) {
        if expected.event_type == got.event_type {
            let place = format!("{number}. ");
            differing(&place, "", &expected.data, &got.data, &mut differences);
        }
    }
    if !differences.is_empty() {
        text += "\ndifference";
        text.extend(differences);
    }
    text
}

/// The innermost fields in which two values differ.
fn differing(place: &str, dot: &str, expected: &Value, got: &Value, into: &mut Vec<String>) {
    if let (Value::Object(expected), Value::Object(got)) = (expected, got) {
        let only_got = got.keys().filter(|key| !expected.contains_key(*key));
        for key in expected.keys().chain(only_got) {
            let place = format!("{place}{dot}{key}");
            let (expected, got) = (expected.get(key), got.get(key));
            match (expected, got) {
                (Some(expected), Some(got)) => differing(&place, ".", expected, got, into),
                _ => into.push(difference(&place, expected, got)),
            }
        }
    } else if expected != got {
        into.push(difference(place, Some(expected), Some(got)));
    }
}

fn difference(place: &str, expected: Option<&Value>, got: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| value.map_or("no such field".to_owned(), Value::to_string);
    format!(
        "\n  {place}: expected {}, got {}",
        shown(expected),
        shown(got)
    )
}
