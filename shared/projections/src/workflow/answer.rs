//! A workflow as JSON: as a whole, and as an entry of a list.

use envelope::Timestamp;
use serde_json::{Value, json};

use super::View;
use crate::order;

/// The whole workflow.
#[must_use]
pub fn whole(view: &View, now: Timestamp) -> Value {
    let account = view.account(now);
    let steps: Vec<_> = account.steps().collect();
    let mut body = json!({
        "orderId": account.order_id, "style": account.style, "state": account.state,
        "status": account.status, "projected": true, "ageSeconds": account.age_seconds,
        "start": account.start, "steps": steps, "_links": links(&account.order_id),
    });
    let optional = [
        ("reason", json!(account.reason)),
        ("beganAt", json!(account.began_at)),
        ("updatedAt", json!(account.updated_at)),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    body
}

/// What a list of workflows says of it.
#[must_use]
pub fn listed(view: &View, now: Timestamp) -> Value {
    let account = view.account(now);
    let mut body = json!({
        "orderId": account.order_id, "style": account.style, "state": account.state,
        "status": account.status, "beganAt": account.began_at, "ageSeconds": account.age_seconds,
        "_links": order::links(&account.order_id),
    });
    let optional = [
        ("step", json!(account.current())),
        ("reason", json!(account.reason)),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    body
}

/// Where more is said about the order, and where the workflow is drawn.
fn links(order_id: &str) -> Value {
    let mut links = order::links(order_id);
    let itself = format!("/orders/{order_id}/workflow?format=");
    links["mermaid"] = json!({ "href": format!("{itself}mermaid") });
    links["svg"] = json!({ "href": format!("{itself}svg") });
    links
}
