//! An order as JSON, the same wherever it is shown: to whoever asks for it, and to whom it is pushed.

use projection_kit::Row;
use serde_json::{Value, json};

use super::View;

/// The whole order.
#[must_use]
pub fn whole(row: &Row<View>) -> Value {
    let view = &row.view;
    let history = view.story.in_order().into_iter();
    let history = history.map(|(event, at)| json!({ "event": event, "at": at }));
    let mut body = json!({
        "orderId": view.order_id, "status": view.story.status(), "projected": true,
        "items": view.items, "history": history.collect::<Vec<_>>(),
        "versions": row.versions, "_links": links(&view.order_id),
    });
    let optional = [
        ("customerId", json!(view.customer_id)),
        ("total", json!(view.total)),
        ("shippingAddress", json!(view.shipping_address)),
        ("payment", json!(view.payment)),
        ("workflow", json!(view.workflow)),
        ("reason", json!(view.reason)),
        ("trackingNumber", json!(view.tracking_number)),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    body
}

/// Where more is said about an order.
#[must_use]
pub fn links(id: &str) -> Value {
    let itself = format!("/orders/{id}");
    json!({
        "self": { "href": itself },
        "status": { "href": format!("{itself}/status") },
        "workflow": { "href": format!("{itself}/workflow") },
    })
}
