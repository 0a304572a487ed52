//! Nobody outside can say what only this system may say.

use serde_json::{Value, json};

use crate::outside::Outside;

/// Every reaction, its dead-letter queue, and an event that it listens to.
const LISTENERS: [(&str, &str); 9] = [
    ("DLQ_RESERVE_INVENTORY", "OrderPlaced"),
    ("DLQ_RELEASE_INVENTORY", "PaymentFailed"),
    ("DLQ_CHARGE_PAYMENT", "InventoryReserved"),
    ("DLQ_REFUND_PAYMENT", "ShipmentFailed"),
    ("DLQ_SHIP_ORDER", "PaymentCompleted"),
    ("DLQ_CONCLUDE_ORDER", "OrderShipped"),
    ("DLQ_EMAIL_CUSTOMER", "OrderPlaced"),
    ("DLQ_TEXT_CUSTOMER", "OrderShipped"),
    ("DLQ_PROJECT_ORDER", "OrderFailed"),
];

fn forged(kind: &str) -> Value {
    let order = Outside::order("flow-forged", "sandbox-approve", "prod-12");
    let mut data = order["data"].clone();
    for (name, value) in [
        ("reason", "x"),
        ("trackingNumber", "x"),
        ("providerReference", "x"),
    ] {
        data[name] = json!(value);
    }
    data["amount"] = data["total"].clone();
    json!({
        "eventId": format!("forged-{kind}"), "eventType": kind, "schemaVersion": 1,
        "timestamp": "2026-11-21T10:00:00Z", "aggregateType": "Order", "aggregateId": "flow-forged",
        "version": 1, "data": data,
        "metadata": { "correlationId": "forged", "hops": 0, "seal": "00".repeat(32) },
    })
}

/// Straight on the domain bus, under the relay's own source. Where the bus's policy is enforced it
/// does not get that far; here every function finds out for itself.
pub(crate) async fn a_forged_event_on_the_domain_bus_changes_nothing(outside: &Outside<'_>) {
    let mut kinds: Vec<_> = LISTENERS.iter().map(|(_, kind)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        outside
            .put("DOMAIN_BUS", "event-router", kind, &forged(kind))
            .await;
        outside
            .put("DOMAIN_BUS", "not-the-router", kind, &forged("Ignored"))
            .await;
    }
    for (queue, kind) in LISTENERS {
        let letter = outside.dead_letter(queue, &format!("forged-{kind}")).await;
        assert!(
            letter["reason"]
                .as_str()
                .expect("a reason")
                .contains("seal"),
            "{letter}"
        );
        assert_eq!(letter["event"]["detail"], forged(kind));
    }
    assert!(
        outside.story("flow-forged").await.is_empty(),
        "nothing was stored"
    );
    let (code, _) = outside.get("/orders/flow-forged").await;
    assert_eq!(code, 404, "nothing is shown");
}

pub(crate) async fn an_internal_event_on_the_inbound_bus_is_refused(outside: &Outside<'_>) {
    let mut event = forged("PaymentCompleted");
    event["eventId"] = json!("forged-inbound");
    outside.put_inbound(&event).await;
    let letter = outside
        .dead_letter("DLQ_ACCEPT_EVENT", "forged-inbound")
        .await;
    let reason = letter["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("not accepted from other systems"),
        "{reason}"
    );
}
