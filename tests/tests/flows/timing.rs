//! Timers: set at the scheduler for the right moment, and what happens when it has come.
//!
//! Half an hour is too long for a test, and a short time for all orders of the stack would cancel those that a busy
//! machine is slow to pay. So most timers are only looked at where they are set; and while little else goes on, the
//! function that cancels unpaid orders is told to wait less.

use std::time::{Duration, Instant};

use envelope::{Envelope, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::conducting::{CHOREOGRAPHY, ORCHESTRATION};
use crate::outside::{Outside, PERSONAL};

/// What an order has to be paid in: the template's default, and while this is tried.
const USUAL_MS: i64 = 1_800_000;
const SHORT_SECONDS: u32 = 20;

/// As long as `expire-order` may be behind the others.
const PATIENCE: Duration = Duration::from_secs(120);

const METHOD_THAT_NEVER_PAYS: &str = "sandbox-fail-99";

/// The message of a timer that one of these functions set for this event, once it is at the scheduler with this moment.
async fn timer(outside: &Outside<'_>, event: &Envelope, at: i64, function: &str) -> Value {
    let stack = outside.stack.env("STACK_NAME");
    let path = format!(
        "/schedules/{}-{at}?groupName={stack}-timers",
        event.event_id
    );
    let (begun, nothing) = (Instant::now(), json!({}));
    let schedule = loop {
        let found = outside.ask(Method::GET, "scheduler", &path, &nothing);
        if let Some(schedule) = found.await {
            break schedule;
        }
        assert!(begun.elapsed() < PATIENCE, "there is no {path}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // The scheduler is sure to keep whole minutes.
    let whole = Timestamp::from_millis((at + 59_999) / 60_000 * 60_000).to_string();
    let expression = format!("at({})", whole.trim_end_matches('Z'));
    assert_eq!(schedule["ScheduleExpression"], expression, "{schedule}");
    assert_eq!(schedule["ActionAfterCompletion"], "DELETE", "{schedule}");
    let target = schedule["Target"]["Arn"].as_str().expect("a queue");
    assert!(
        target.ends_with(&format!(":{stack}-{function}")),
        "{target}"
    );
    let message = schedule["Target"]["Input"].as_str().expect("a message");
    serde_json::from_str(message).expect("JSON")
}

pub(crate) async fn timers_bring_back_the_event_that_asked_for_them(outside: &Outside<'_>) {
    let order = json!({
        "items": [{ "productId": "prod-18", "quantity": 1, "unitPrice": { "amount": 700, "currency": "EUR" } }],
        "shippingAddress": { "line1": PERSONAL }, "payment": { "method": "sandbox-approve" },
        "workflow": ORCHESTRATION,
    });
    let api = outside.customer("cust-46");
    let placed = api.post("/orders", &[], &order).await;
    assert_eq!(placed.status, 202, "{}", placed.body);
    let id = placed.body["orderId"].as_str().expect("an id");
    outside.wait_for(id, "COMPLETED").await;
    let story = outside.story_with(id, &["SagaTimerSet"]).await;
    let event = |kind: &str| {
        let found = story.iter().find(|event| event.event_type == kind);
        found.expect("it is there")
    };
    let (placed, set) = (event("OrderPlaced"), event("SagaTimerSet"));
    let unpaid = placed.timestamp.as_millis() + USUAL_MS;
    let message = timer(outside, placed, unpaid, "expire-order").await;
    assert_eq!(message["detail"]["eventId"], placed.event_id.as_str());
    let asked = set.data["at"].as_str().and_then(Timestamp::parse);
    let asked = asked.expect("a moment").as_millis();
    let message = timer(outside, set, asked, "conduct-order").await;
    assert_eq!(message["detail-type"], "SagaTimerSet");
    assert_eq!(message["detail"]["eventId"], set.event_id.as_str());
}

pub(crate) async fn what_is_not_paid_in_time_is_cancelled(outside: &Outside<'_>) {
    let usual = outside.variables("expire-order").await;
    let mut short = usual.clone();
    short["UNPAID_SECONDS"] = json!(SHORT_SECONDS.to_string());
    outside.set_variables("expire-order", &short).await;
    let orders = [
        ("flow-unpaid", CHOREOGRAPHY),
        ("flow-unpaid-conducted", ORCHESTRATION),
    ];
    for (id, style) in orders {
        let mut order = Outside::order(id, METHOD_THAT_NEVER_PAYS, "prod-19");
        order["data"]["workflow"] = json!(style);
        outside.put_inbound(&order).await;
    }
    for (id, _) in orders {
        let view = outside.wait_for(id, "CANCELLED").await;
        let reason = format!("not paid within {SHORT_SECONDS} seconds");
        assert_eq!(view["reason"], reason, "{view}");
        let undone = ["InventoryReleased", "PaymentCancelled"];
        let story = outside.story_with(id, &undone).await;
        let cancelled = story
            .iter()
            .filter(|event| event.event_type == "OrderCancelled");
        assert_eq!(cancelled.count(), 1);
        assert_eq!(outside.held(id, "prod-19").await, 0);
    }
    outside.story_with(orders[1].0, &["SagaCompensated"]).await;
    outside.set_variables("expire-order", &usual).await;
}
