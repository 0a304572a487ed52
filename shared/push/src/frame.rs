//! What a client sends. A frame that is not understood is answered with what would be right.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Topic;

/// The longest id (that of the events' schemas).
const ID_CHARS_MAX: usize = 64;

/// Orders that a client may name in `seen`. Each may be read to see whether it has moved.
const SEEN_MAX: usize = 200;

/// What is to be done with a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It begins.
    Subscribe,
    /// It ends.
    Unsubscribe,
}

/// What the client has of each order: the revision of the newest message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// Whether the client has this revision of an order, or a newer one.
    #[must_use]
    pub fn has(&self, order_id: &str, revision: u64) -> bool {
        self.0.get(order_id).is_some_and(|seen| *seen >= revision)
    }

    /// The orders of which the client has something. It says so itself: nothing proves that they are
    /// there, or that it may see them.
    pub fn order_ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A frame of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What is to be done.
    pub action: Action,
    /// With which subscription.
    pub topic: Topic,
    /// What need not be sent, and what may have moved since.
    pub seen: Seen,
}

/// What would be right in place of a frame that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Frame {
    /// Reads a frame. Fields that it does not know are passed over.
    ///
    /// # Errors
    /// [`Malformed`], which never quotes the frame.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let Ok(Value::Object(frame)) = serde_json::from_str(text) else {
            return wrong(
                "a frame is a JSON object such as {\"action\":\"subscribe\",\"order\":\"ord-1\"}",
            );
        };
        let action = match frame.get("action").and_then(Value::as_str) {
            Some("subscribe") => Action::Subscribe,
            Some("unsubscribe") => Action::Unsubscribe,
            _ => return wrong("`action` is \"subscribe\" or \"unsubscribe\""),
        };
        Ok(Self {
            action,
            topic: topic(&frame)?,
            seen: seen(&frame)?,
        })
    }
}

fn wrong<T>(detail: &str) -> Result<T, Malformed> {
    Err(Malformed(detail.to_owned()))
}

fn topic(frame: &Map<String, Value>) -> Result<Topic, Malformed> {
    match (frame.get("order"), frame.get("customer")) {
        (Some(id), None) => Ok(Topic::Order(known_form("order", id)?)),
        (None, Some(id)) => Ok(Topic::Customer(known_form("customer", id)?)),
        _ => wrong("a frame names either an `order` or a `customer`, by its id"),
    }
}

/// Whether a text could be an id.
fn could_be_id(text: &str) -> bool {
    let form = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.chars().all(form)
}

fn known_form(name: &str, id: &Value) -> Result<String, Malformed> {
    match id.as_str() {
        Some(id) if could_be_id(id) => Ok(id.to_owned()),
        _ => wrong(&format!(
            "`{name}` is an id: 1 to {ID_CHARS_MAX} letters, digits, dots, colons, hyphens and underscores"
        )),
    }
}

fn seen(frame: &Map<String, Value>) -> Result<Seen, Malformed> {
    const FORM: &str = "`seen` is an object of order ids and revisions, such as {\"ord-1\":5}, with at most 200 entries";
    match frame.get("seen") {
        None | Some(Value::Null) => Ok(Seen::default()),
        Some(Value::Object(all)) if all.len() <= SEEN_MAX => {
            let entry = |(id, revision): (&String, &Value)| {
                Some((
                    Some(id).filter(|id| could_be_id(id))?.clone(),
                    revision.as_u64()?,
                ))
            };
            match all.iter().map(entry).collect() {
                Some(all) => Ok(Seen(all)),
                None => wrong(FORM),
            }
        }
        Some(_) => wrong(FORM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read() {
        let frame =
            Frame::read(r#"{"action":"subscribe","order":"ord-1","seen":{"ord-1":5},"later":[1]}"#);
        let frame = frame.expect("well-formed");
        assert_eq!(frame.action, Action::Subscribe);
        assert_eq!(frame.topic, Topic::Order("ord-1".to_owned()));
        assert!(frame.seen.has("ord-1", 4) && frame.seen.has("ord-1", 5));
        assert!(!frame.seen.has("ord-1", 6) && !frame.seen.has("ord-2", 0));
        assert_eq!(frame.seen.order_ids().collect::<Vec<_>>(), ["ord-1"]);
        let frame = Frame::read(r#"{"action":"unsubscribe","customer":"cust-1"}"#);
        let frame = frame.expect("well-formed");
        assert_eq!(frame.action, Action::Unsubscribe);
        assert_eq!(frame.topic, Topic::Customer("cust-1".to_owned()));
    }

    #[test]
    fn whatever_else_is_sent_is_answered_with_what_would_be_right() {
        let long = format!(r#"{{"action":"subscribe","order":"{}"}}"#, "x".repeat(65));
        let many: Vec<_> = (0..201).map(|n| format!("\"o{n}\":1")).collect();
        let many = format!(
            r#"{{"action":"subscribe","order":"o","seen":{{{}}}}}"#,
            many.join(",")
        );
        let cases = [
            ("", "JSON object"),
            ("{", "JSON object"),
            ("[]", "JSON object"),
            ("null", "JSON object"),
            ("\u{0}", "JSON object"),
            ("{}", "`action`"),
            (r#"{"action":"Subscribe","order":"o"}"#, "`action`"),
            (r#"{"action":1,"order":"o"}"#, "`action`"),
            (r#"{"action":"subscribe"}"#, "either"),
            (
                r#"{"action":"subscribe","order":"o","customer":"c"}"#,
                "either",
            ),
            (r#"{"action":"subscribe","order":""}"#, "`order` is an id"),
            (r#"{"action":"subscribe","order":7}"#, "`order` is an id"),
            (r#"{"action":"subscribe","order":null}"#, "`order` is an id"),
            (
                r#"{"action":"subscribe","customer":"a#b"}"#,
                "`customer` is an id",
            ),
            (&long, "`order` is an id"),
            (r#"{"action":"subscribe","order":"o","seen":[]}"#, "`seen`"),
            (
                r#"{"action":"subscribe","order":"o","seen":{"o":"5"}}"#,
                "`seen`",
            ),
            (
                r#"{"action":"subscribe","order":"o","seen":{"o":-1}}"#,
                "`seen`",
            ),
            (
                r#"{"action":"subscribe","order":"o","seen":{"":5}}"#,
                "`seen`",
            ),
            (
                r#"{"action":"subscribe","customer":"c","seen":{"a#b":5}}"#,
                "`seen`",
            ),
            (&many, "`seen`"),
        ];
        for (text, hint) in cases {
            let error = Frame::read(text).expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
