//! What cannot be handled is in a queue, with the event and the reason.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::ATTEMPTS_MAX;
use crate::outside::Outside;

pub(crate) async fn a_malformed_event_is_a_dead_letter_with_its_reason(outside: &Outside<'_>) {
    let mut order = Outside::order("flow-malformed", "sandbox-approve", "prod-9");
    order["data"]["items"][0]["quantity"] = json!(-1);
    outside.put_inbound(&order).await;
    let letter = outside
        .dead_letter("DLQ_ACCEPT_EVENT", "evt-flow-malformed")
        .await;
    assert_eq!(letter["handler"], "accept-event");
    assert_eq!(
        (&letter["class"], &letter["attempts"]),
        (&json!("terminal"), &json!(1))
    );
    assert!(
        letter["reason"]
            .as_str()
            .expect("a reason")
            .contains("/items/0/quantity"),
        "{letter}"
    );
    assert_eq!(
        letter["event"]["detail"], order,
        "the event is kept as it came"
    );

    // What is no event at all is kept, too.
    outside
        .put_inbound(&json!({ "hello": "flow-nonsense" }))
        .await;
    let letter = outside
        .dead_letter("DLQ_ACCEPT_EVENT", "flow-nonsense")
        .await;
    assert!(
        letter["reason"]
            .as_str()
            .expect("a reason")
            .contains("eventId"),
        "{letter}"
    );
}

pub(crate) async fn an_event_that_fails_every_attempt_is_a_dead_letter_with_its_reason(
    outside: &Outside<'_>,
) {
    let order = Outside::order("flow-exhausted", "sandbox-fail-99", "prod-10");
    outside.put_inbound(&order).await;
    let letter = outside
        .dead_letter("DLQ_CHARGE_PAYMENT", "flow-exhausted")
        .await;
    assert_eq!(letter["class"], "exhausted", "{letter}");
    assert_eq!(letter["attempts"], ATTEMPTS_MAX);
    assert!(
        letter["reason"]
            .as_str()
            .expect("a reason")
            .contains("told to fail"),
        "{letter}"
    );
    assert_eq!(letter["correlationId"], "story-flow-exhausted");
    assert_eq!(letter["event"]["detail"]["eventType"], "InventoryReserved");
}

pub(crate) async fn a_provider_that_recovers_in_time_loses_no_order(outside: &Outside<'_>) {
    let order = Outside::order("flow-flaky", "sandbox-fail-2", "prod-11");
    outside.put_inbound(&order).await;
    outside.wait_for("flow-flaky", "SHIPPED").await;
    // The workflow may be a moment behind the order.
    let begun = Instant::now();
    let charged = loop {
        let (_, workflow) = outside.get("/orders/flow-flaky/workflow").await;
        let charged = workflow["steps"][1].clone();
        if charged["state"] == "done" || begun.elapsed() > Duration::from_secs(60) {
            break charged;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let tried = (&charged["name"], &charged["attempts"]);
    assert_eq!(tried, (&json!("charge-payment"), &json!(3)), "{charged}");
}
