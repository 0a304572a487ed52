//! Functions that cannot even say what is wrong with them: a bad deployment, as it happens.
//!
//! Their events are moved to their dead-letter queues by the platform.

use serde_json::{Value, json};

use crate::outside::{Outside, PERSONAL};

/// Takes a function's variables away, so that its process ends as soon as it begins.
async fn break_function(outside: &Outside<'_>, name: &str) {
    let none = json!({ "AWS_ENDPOINT_URL": outside.stack.endpoint() });
    outside.set_variables(name, &none).await;
}

/// The story behind the project: a shop that lost its checkout to both. (How long accepting takes meanwhile is what
/// `cargo dev bench outside` measures.)
pub(crate) async fn a_slow_provider_and_dead_e_mail_hold_up_no_order(outside: &Outside<'_>) {
    // Without the sender's address, the e-mail service refuses every message.
    let sender = outside
        .mail
        .delete_email_identity()
        .email_identity("orders@example.com");
    sender.send().await.expect("an address less");
    let api = outside.customer("cust-44");
    let mut ids = Vec::new();
    for number in 1..=8 {
        let order = json!({
            "items": [{ "productId": format!("prod-{number}"), "quantity": 1,
                        "unitPrice": { "amount": 500, "currency": "EUR" } }],
            "shippingAddress": { "line1": PERSONAL }, "payment": { "method": "sandbox-slow-8000" },
        });
        let placed = api.post("/orders", &[], &order).await;
        assert_eq!(placed.status, 202, "{}", placed.body);
        ids.push(placed.body["orderId"].as_str().expect("an id").to_owned());
    }
    for id in &ids {
        outside.wait_for(id, "SHIPPED").await;
        let letter = outside.dead_letter("DLQ_EMAIL_CUSTOMER", id).await;
        let reason = letter["reason"].as_str().expect("a reason");
        assert!(reason.contains("MessageRejected"), "{reason}");
    }
}

pub(crate) async fn what_a_crashing_function_leaves_is_in_its_dead_letter_queue(
    outside: &Outside<'_>,
) {
    break_function(outside, "text-customer").await;
    outside
        .put_inbound(&Outside::order(
            "flow-crashed",
            "sandbox-approve",
            "prod-13",
        ))
        .await;
    // Nobody waits for the broken one.
    outside.wait_for("flow-crashed", "SHIPPED").await;
    let moved = outside
        .dead_letter("DLQ_TEXT_CUSTOMER", "evt-flow-crashed")
        .await;
    assert_eq!(
        moved["detail"]["eventType"], "OrderPlaced",
        "the event as it came: {moved}"
    );
}

pub(crate) async fn what_a_broken_relay_leaves_is_in_its_dead_letter_queue(outside: &Outside<'_>) {
    // After the other test's order went through.
    outside.wait_for("flow-crashed", "SHIPPED").await;
    break_function(outside, "relay-events").await;
    outside
        .put_inbound(&Outside::order(
            "flow-unrelayed",
            "sandbox-approve",
            "prod-14",
        ))
        .await;
    outside.story_with("flow-unrelayed", &["OrderPlaced"]).await;
    let record: Value = outside
        .dead_letter("DLQ_RELAY_EVENTS", "DDBStreamBatchInfo")
        .await;
    assert!(
        record["DDBStreamBatchInfo"]["batchSize"].is_number(),
        "{record}"
    );
}
