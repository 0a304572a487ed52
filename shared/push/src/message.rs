//! What a client gets.

use serde_json::{Value, json};

use crate::Topic;

/// The largest frame of a WebSocket API
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
pub const FRAME_BYTES_MAX: usize = 32 * 1024;

/// An order as it is at a revision. One that is too large for a frame is left out: the client gets
/// where it can read it.
#[must_use]
pub fn order(order_id: &str, revision: u64, order: &Value) -> String {
    let message =
        json!({ "type": "order", "orderId": order_id, "revision": revision, "order": order });
    let text = message.to_string();
    if text.len() <= FRAME_BYTES_MAX {
        return text;
    }
    let pointer = json!({
        "type": "order", "orderId": order_id, "revision": revision,
        "_links": { "self": { "href": format!("/orders/{order_id}") } },
    });
    pointer.to_string()
}

/// A subscription has begun.
#[must_use]
pub fn subscribed(topic: &Topic) -> String {
    topic.about(json!({ "type": "subscribed" })).to_string()
}

/// A subscription has ended, or there was none.
#[must_use]
pub fn unsubscribed(topic: &Topic) -> String {
    topic.about(json!({ "type": "unsubscribed" })).to_string()
}

/// What was asked for was not done.
#[must_use]
pub fn error(title: &str, detail: &str, topic: Option<&Topic>) -> String {
    let message = json!({ "type": "error", "title": title, "detail": detail });
    match topic {
        Some(topic) => topic.about(message).to_string(),
        None => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(filling: usize) -> Value {
        let text = order("ord-1", 7, &json!({ "x": "y".repeat(filling) }));
        assert!(text.len() <= FRAME_BYTES_MAX, "{}", text.len());
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn an_order_that_fits_is_sent_and_one_byte_more_becomes_a_pointer() {
        let frame = order("ord-1", 7, &json!({ "x": "" })).len();
        let whole = sized(FRAME_BYTES_MAX - frame);
        assert_eq!(
            whole["order"]["x"].as_str().map(str::len),
            Some(FRAME_BYTES_MAX - frame)
        );
        let pointer = sized(FRAME_BYTES_MAX - frame + 1);
        let expected = json!({
            "type": "order", "orderId": "ord-1", "revision": 7,
            "_links": { "self": { "href": "/orders/ord-1" } },
        });
        assert_eq!(pointer, expected);
    }

    #[test]
    fn every_answer_says_what_it_is_about() {
        let topics = [
            (Topic::Order("o".to_owned()), "order"),
            (Topic::Customer("o".to_owned()), "customer"),
        ];
        for (topic, name) in topics {
            for text in [
                subscribed(&topic),
                unsubscribed(&topic),
                error("T", "d", Some(&topic)),
            ] {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(message[name], "o");
            }
        }
    }
}
