//! Orders, from what another system sends to what a customer sees.

use serde_json::{Value, json};

use crate::outside::{Outside, PERSONAL};

fn types(story: &[envelope::Envelope]) -> Vec<&str> {
    let mut types: Vec<_> = story
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    types.sort_unstable();
    types
}

pub(crate) async fn an_order_event_of_another_system_becomes_a_shipped_order(
    outside: &Outside<'_>,
) {
    let order = Outside::order("flow-shipped", "sandbox-approve", "prod-1");
    outside.put_inbound(&order).await;
    let view = outside.wait_for("flow-shipped", "SHIPPED").await;
    assert_eq!(view["customerId"], "cust-7");
    assert!(view["trackingNumber"].is_string(), "{view}");

    let story = outside
        .story_with("flow-shipped", &["OrderFulfilled"])
        .await;
    let expected = [
        "InventoryReserved",
        "OrderFulfilled",
        "OrderPlaced",
        "OrderShipped",
        "PaymentCompleted",
    ];
    assert_eq!(types(&story), expected);
    // One correlation id, and each event caused by the one before it.
    let chain = [
        "OrderPlaced",
        "InventoryReserved",
        "PaymentCompleted",
        "OrderShipped",
        "OrderFulfilled",
    ];
    let mut cause: Option<String> = None;
    for kind in chain {
        let event = story
            .iter()
            .find(|event| event.event_type == kind)
            .expect("it is there");
        assert_eq!(event.metadata.correlation_id.as_str(), "story-flow-shipped");
        assert_eq!(event.metadata.causation_id, cause, "the cause of {kind}");
        cause = Some(event.event_id.to_string());
    }
    assert_eq!(
        story[0].event_id.as_str(),
        "evt-flow-shipped",
        "it keeps its sender's id"
    );
}

pub(crate) async fn an_order_over_http_can_be_followed_by_its_links(outside: &Outside<'_>) {
    let body = json!({
        "customerId": "cust-2",
        "items": [
            { "productId": "prod-2", "quantity": 1, "unitPrice": { "amount": 500, "currency": "EUR" } },
            { "productId": "prod-3", "quantity": 2, "unitPrice": { "amount": 250, "currency": "EUR" } },
        ],
        "shippingAddress": { "line1": PERSONAL },
        "payment": { "method": "sandbox-approve" },
    });
    let api = outside.operator();
    let answer = api.post("/orders", &[], &body).await;
    assert_eq!(answer.status, 202);
    let accepted = answer.body;
    assert_eq!(accepted["status"], "PLACED");
    let id = accepted["orderId"].as_str().expect("an id").to_owned();
    // At once: whether it is projected yet or not, the answer is about this order.
    let link = accepted["_links"]["status"]["href"]
        .as_str()
        .expect("a link");
    let (code, status) = outside.get(link).await;
    assert_eq!((code, &status["orderId"]), (200, &json!(id)), "{status}");
    let view = outside.wait_for(&id, "SHIPPED").await;
    assert_eq!(view["total"], json!({ "amount": 1000, "currency": "EUR" }));
    let (_, status) = outside.get(link).await;
    assert_eq!(
        (&status["status"], &status["projected"]),
        (&json!("SHIPPED"), &json!(true))
    );
}

pub(crate) async fn a_cloud_event_is_an_order_like_any_other(outside: &Outside<'_>) {
    let order = Outside::order("flow-cloud", "sandbox-approve", "prod-4");
    let event = json!({
        "specversion": "1.0", "id": "ce-flow-cloud", "source": "/shops/berlin",
        "type": "com.example.shop.OrderPlaced.v1", "subject": "Order/flow-cloud",
        "time": "2026-11-21T10:00:00Z", "datacontenttype": "application/json", "data": order["data"],
    });
    outside.put_inbound(&event).await;
    outside.wait_for("flow-cloud", "SHIPPED").await;
    let story = outside.story("flow-cloud").await;
    assert_eq!(story[0].metadata.extra["cloudEventId"], "ce-flow-cloud");
    assert_eq!(story[0].metadata.extra["source"], "/shops/berlin");
}

pub(crate) async fn twenty_deliveries_are_one_order_one_charge_one_shipment(outside: &Outside<'_>) {
    let order = Outside::order("flow-twenty", "sandbox-approve", "prod-5");
    let sends = (0..20).map(|_| outside.put_inbound(&order));
    futures::future::join_all(sends).await;
    outside.wait_for("flow-twenty", "SHIPPED").await;
    outside.story_with("flow-twenty", &["OrderFulfilled"]).await;
    // One more, when all is done, and a look at what all of them led to.
    outside.put_inbound(&order).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let story = outside.story("flow-twenty").await;
    let expected = [
        "InventoryReserved",
        "OrderFulfilled",
        "OrderPlaced",
        "OrderShipped",
        "PaymentCompleted",
    ];
    assert_eq!(types(&story), expected);
}

/// The file that the README sends with the AWS command line.
pub(crate) async fn the_first_order_of_the_readme_is_shipped(outside: &Outside<'_>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/first-order.json");
    let text = std::fs::read_to_string(path).expect("the file");
    let entries: Value = serde_json::from_str(&text).expect("JSON");
    let entry = &entries[0];
    assert_eq!(entry["EventBusName"], outside.stack.env("INBOUND_BUS"));
    let detail = entry["Detail"].as_str().expect("text");
    outside
        .put_inbound(&serde_json::from_str(detail).expect("JSON"))
        .await;
    outside.wait_for("my-first", "SHIPPED").await;
}

pub(crate) async fn a_declined_card_releases_the_stock(outside: &Outside<'_>) {
    outside
        .put_inbound(&Outside::order(
            "flow-declined",
            "sandbox-decline",
            "prod-6",
        ))
        .await;
    let view = outside.wait_for("flow-declined", "FAILED").await;
    assert!(
        view["reason"]
            .as_str()
            .expect("a reason")
            .contains("declined"),
        "{view}"
    );
    let story = outside
        .story_with("flow-declined", &["InventoryReleased"])
        .await;
    assert!(!types(&story).contains(&"PaymentCompleted"));
}

pub(crate) async fn an_undeliverable_parcel_refunds_and_releases(outside: &Outside<'_>) {
    let mut order = Outside::order("flow-nowhere", "sandbox-approve", "prod-7");
    order["data"]["shippingAddress"]["line1"] = json!("sandbox-undeliverable");
    outside.put_inbound(&order).await;
    outside.wait_for("flow-nowhere", "FAILED").await;
    let compensations = ["InventoryReleased", "PaymentRefunded"];
    let story = outside.story_with("flow-nowhere", &compensations).await;
    for kind in compensations {
        let count = story
            .iter()
            .filter(|event| event.event_type == kind)
            .count();
        assert_eq!(count, 1, "{kind}");
    }
}

pub(crate) async fn what_is_out_of_stock_fails_and_reserves_nothing(outside: &Outside<'_>) {
    let mut order = Outside::order("flow-soldout", "sandbox-approve", "prod-8");
    let mut soldout = order["data"]["items"][0].clone();
    soldout["productId"] = json!("prod-out");
    order["data"]["items"]
        .as_array_mut()
        .expect("items")
        .push(soldout);
    order["data"]["total"]["amount"] = json!(3998);
    outside.put_inbound(&order).await;
    let view = outside.wait_for("flow-soldout", "FAILED").await;
    assert!(
        view["reason"]
            .as_str()
            .expect("a reason")
            .contains("prod-out"),
        "{view}"
    );
    let story = outside.story("flow-soldout").await;
    assert_eq!(
        types(&story),
        ["InventoryReserveFailed", "OrderFailed", "OrderPlaced"]
    );
}

pub(crate) async fn bad_requests_are_told_why(outside: &Outside<'_>) {
    let (code, problem) = outside.get("/orders/nobody-placed-this").await;
    assert_eq!((code, &problem["status"]), (404, &json!(404)));
    let empty = json!({ "customerId": "cust-1", "items": [], "shippingAddress": { "line1": "x" },
        "payment": { "method": "sandbox-approve" }, "total": { "amount": 0, "currency": "EUR" } });
    for (body, expected) in [("{".to_owned(), 400), (empty.to_string(), 422)] {
        let api = outside.operator();
        let answer = api
            .send(reqwest::Method::POST, "/orders", &[], Some(body))
            .await;
        assert_eq!(answer.status, expected);
        assert!(!answer.body["detail"].as_str().expect("a detail").is_empty());
    }
}
