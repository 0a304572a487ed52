//! Questions and answers over views that events have made.

use envelope::Envelope;
use event_store::Memory;
use ports::{ManualClock, MemoryViews};
use projection_kit::Projector;
use projections::Sales;
use reaction::ReactTogether;

use super::*;

const PLACED_AT: [&str; 3] = [
    "2026-11-21T10:00:00Z",
    "2026-11-21T10:59:59Z",
    "2026-11-22T00:00:00Z",
];

fn event(id: &str, at: &str, event_type: &str, aggregate_type: &str, data: &Value) -> Envelope {
    serde_json::from_value(json!({
        "eventId": event_type, "eventType": event_type, "schemaVersion": 1, "timestamp": at,
        "aggregateType": aggregate_type, "aggregateId": id, "version": 1, "data": data,
        "metadata": { "correlationId": "story" },
    }))
    .expect("an envelope")
}

async fn deliver<P: Projection>(views: &MemoryViews, events: &[Envelope]) {
    let clock = ManualClock::at(envelope::Timestamp::from_millis(0));
    let projector = Projector::<P, _, _, _>::new(Memory::default(), views.clone(), clock);
    for event in events {
        let mut answers = projector.react(std::slice::from_ref(event)).await;
        answers.remove(0).expect("folded");
    }
}

type Shop = QueryLists<MemoryViews, ManualClock>;

/// Three orders of one customer, of which the second is reserved and paid.
async fn shop() -> Shop {
    let views = MemoryViews::default();
    let mut events = Vec::new();
    let total = json!({ "amount": 10, "currency": "EUR" });
    for (number, at) in PLACED_AT.iter().enumerate() {
        let id = format!("ord-{number}");
        let data = json!({
            "orderId": id, "customerId": "cust-1", "items": [], "total": total,
            "shippingAddress": { "line1": "x" }, "payment": { "method": "m" },
        });
        events.push(event(&id, at, "OrderPlaced", "Order", &data));
    }
    let data = json!({
        "orderId": "ord-1", "customerId": "cust-1", "items": [], "total": total, "amount": total,
        "shippingAddress": { "line1": "x" }, "payment": { "method": "m" }, "providerReference": "r",
    });
    let at = "2026-11-21T11:00:00Z";
    events.push(event(
        "ord-1",
        at,
        "InventoryReserved",
        "Reservation",
        &data,
    ));
    events.push(event("ord-1", at, "PaymentCompleted", "Payment", &data));
    deliver::<CustomerOrders>(&views, &events).await;
    deliver::<ReadyOrders>(&views, &events).await;
    deliver::<Workflow>(&views, &events).await;
    deliver::<Sales>(&views, &events).await;
    let stock = json!({ "productId": "p-1", "quantity": 7 });
    let stock = [event("p-1", at, "StockReplenished", "StockItem", &stock)];
    deliver::<Stock>(&views, &stock).await;
    QueryLists::new(views, ManualClock::at(envelope::Timestamp::from_millis(0)))
}

async fn ask(handler: &Shop, route: &str, id: &str, query: &[(&str, &str)]) -> Value {
    ask_with(handler, route, id, query, json!({})).await
}

async fn ask_with(
    handler: &Shop,
    route: &str,
    id: &str,
    query: &[(&str, &str)],
    headers: Value,
) -> Value {
    let claims = json!({ "sub": "ops", "scope": "operator" });
    ask_as(handler, &claims, route, id, query, headers).await
}

async fn ask_as(
    handler: &Shop,
    claims: &Value,
    route: &str,
    id: &str,
    query: &[(&str, &str)],
    headers: Value,
) -> Value {
    let query: serde_json::Map<_, _> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let request = json!({
        "requestContext": { "authorizer": { "jwt": { "claims": claims } } },
        "routeKey": route, "pathParameters": { "id": id },
        "queryStringParameters": query, "headers": headers,
    });
    let mut answer = handler.handle(request).await.expect("JSON");
    let body = answer["body"].as_str().expect("text").to_owned();
    if !body.is_empty() {
        answer["body"] = serde_json::from_str(&body).expect("JSON");
    }
    answer
}

fn ids(answer: &Value) -> Vec<&str> {
    let entries = answer["body"]["entries"].as_array().expect("entries");
    let ids = entries.iter().map(|entry| entry["orderId"].as_str());
    ids.map(|id| id.expect("an id")).collect()
}

const ORDERS: &str = "GET /customers/{id}/orders";

#[tokio::test]
async fn a_customers_orders_come_newest_first_and_page_by_page() {
    let shop = shop().await;
    let first = ask(&shop, ORDERS, "cust-1", &[("limit", "2")]).await;
    assert_eq!(ids(&first), ["ord-2", "ord-1"]);
    assert_eq!(first["body"]["entries"][1]["status"], "PAID");
    let next = first["body"]["_links"]["next"]["href"].as_str();
    let (_, cursor) = next.expect("more").split_once("cursor=").expect("a cursor");
    let page = [("limit", "2"), ("cursor", cursor)];
    let second = ask(&shop, ORDERS, "cust-1", &page).await;
    assert_eq!(ids(&second), ["ord-0"]);
    assert_eq!(second["body"]["_links"].get("next"), None);
    assert_eq!(ids(&ask(&shop, ORDERS, "nobody", &[]).await), [""; 0]);
}

#[tokio::test]
async fn the_warehouse_and_the_operators_see_what_waits() {
    let shop = shop().await;
    assert_eq!(
        ids(&ask(&shop, "GET /ready-orders", "", &[]).await),
        ["ord-1"]
    );
    let open = ask(&shop, "GET /workflows", "", &[]).await;
    assert_eq!(ids(&open), ["ord-0", "ord-1", "ord-2"]);
    let step = &open["body"]["entries"][1]["step"];
    assert_eq!(
        (&step["name"], &step["state"]),
        (&json!("ship-order"), &json!("in-flight"))
    );
    let stock = ask(&shop, "GET /stock/{id}", "p-1", &[]).await;
    assert_eq!(stock["body"]["available"], 7);
    let all = ask(&shop, "GET /stock", "", &[]).await;
    assert_eq!(all["body"]["entries"][0], stock["body"]);
    for none in ["p-2", "", "a b", &"x".repeat(3_000)] {
        let none = ask(&shop, "GET /stock/{id}", none, &[]).await;
        assert_eq!(none["statusCode"], 404);
    }
}

#[tokio::test]
async fn sales_are_counted_in_the_hour_in_which_they_happened() {
    let shop = shop().await;
    let days = [("from", "2026-11-20"), ("to", "2026-11-22")];
    let sales = ask(&shop, "GET /sales", "", &days).await;
    let hours = [
        json!({ "hour": "2026-11-21T10:00:00Z", "orders": 2, "cancellations": 0, "revenue": [] }),
        json!({ "hour": "2026-11-21T11:00:00Z", "orders": 0, "cancellations": 0,
                "revenue": [{ "amount": 10, "currency": "EUR" }] }),
        json!({ "hour": "2026-11-22T00:00:00Z", "orders": 1, "cancellations": 0, "revenue": [] }),
    ];
    assert_eq!(sales["body"]["hours"], json!(hours));
}

#[tokio::test]
async fn a_wrong_question_is_told_what_would_be_right() {
    let shop = shop().await;
    let day = ("from", "2026-11-20");
    // An empty place and an empty key.
    let empty = Cursor::of(&json!({ "place": "", "key": "" })).to_string();
    let other = Cursor::of(&json!({ "state": "stuck", "after": null })).to_string();
    let wrong: [(&str, &[(&str, &str)]); 12] = [
        ("GET /workflows", &[("state", "completed")]),
        ("GET /workflows", &[("state", "")]),
        ("GET /workflows", &[("cursor", &empty)]),
        (
            "GET /workflows",
            &[("state", "running"), ("cursor", &other)],
        ),
        (ORDERS, &[("cursor", &empty)]),
        (ORDERS, &[("limit", "0")]),
        (ORDERS, &[("limit", "many")]),
        (ORDERS, &[("cursor", "made up")]),
        ("GET /sales", &[]),
        ("GET /sales", &[day]),
        ("GET /sales", &[day, ("to", "2026-11-19")]),
        ("GET /sales", &[day, ("to", "2027-11-19")]),
    ];
    for (route, query) in wrong {
        let answer = ask(&shop, route, "cust-1", query).await;
        assert_eq!(answer["statusCode"], 400, "{query:?}");
        assert!(
            answer["body"]["detail"]
                .as_str()
                .expect("a text")
                .contains('`')
        );
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let shop = shop().await;
    let first = ask(&shop, ORDERS, "cust-1", &[]).await;
    let known = json!({ "If-None-Match": first["headers"]["etag"] });
    let again = ask_with(&shop, ORDERS, "cust-1", &[], known.clone()).await;
    assert_eq!(
        (&again["statusCode"], &again["body"]),
        (&json!(304), &json!(""))
    );
    let other = ask_with(&shop, ORDERS, "cust-1", &[("limit", "1")], known).await;
    assert_eq!(other["statusCode"], 200);
}

#[tokio::test]
async fn customers_see_their_own_list_and_stock_and_nothing_else() {
    let shop = shop().await;
    let ada = json!({ "sub": "cust-1" });
    let ask = async |claims: &Value, route: &str, id: &str| {
        let days = [("from", "2026-11-20"), ("to", "2026-11-22")];
        let answer = ask_as(&shop, claims, route, id, &days, json!({})).await;
        answer["statusCode"].as_u64().expect("a status")
    };
    assert_eq!(ask(&ada, ORDERS, "cust-1").await, 200);
    assert_eq!(ask(&ada, "GET /stock", "").await, 200);
    assert_eq!(ask(&ada, "GET /stock/{id}", "p-1").await, 200);
    for (route, id) in [
        (ORDERS, "cust-2"),
        (ORDERS, "nobody"),
        (ORDERS, "a b"),
        ("GET /ready-orders", ""),
        ("GET /workflows", ""),
        ("GET /sales", ""),
    ] {
        assert_eq!(ask(&ada, route, id).await, 403, "{route} {id}");
        assert_eq!(ask(&json!({}), route, id).await, 401, "{route} {id}");
    }
}

/// What is written later than the token says does not matter; what is not there yet is not left out in silence.
#[tokio::test]
async fn a_list_after_a_write_shows_it_or_says_that_it_does_not_yet() {
    let shop = shop().await;
    let after = async |route: &str, id: &str, kind: &str, written: &str, version: u64| {
        let token = http_api::Token {
            aggregate_type: kind.to_owned(),
            aggregate_id: written.to_owned(),
            version,
        };
        let token = token.to_string();
        let answer = ask(&shop, route, id, &[("after", &token)]).await;
        answer["statusCode"].as_u64().expect("a status")
    };
    assert_eq!(after(ORDERS, "cust-1", "Order", "ord-2", 1).await, 200);
    assert_eq!(after(ORDERS, "cust-1", "Order", "ord-2", 2).await, 202);
    assert_eq!(after(ORDERS, "cust-1", "Order", "ord-9", 1).await, 202);
    let foreign = after(ORDERS, "cust-2", "Order", "ord-2", 1).await;
    assert_eq!(foreign, 202, "of another customer");
    assert_eq!(after("GET /stock", "", "StockItem", "p-1", 1).await, 200);
    assert_eq!(
        after("GET /stock/{id}", "p-1", "StockItem", "p-1", 2).await,
        202
    );
    assert_eq!(
        after("GET /stock/{id}", "p-1", "StockItem", "p-2", 1).await,
        400
    );
    assert_eq!(after(ORDERS, "cust-1", "StockItem", "p-1", 1).await, 400);
    assert_eq!(after(ORDERS, "cust-1", "Or#der", "p-1", 1).await, 400);
    let made_up = ask(&shop, ORDERS, "cust-1", &[("after", "x")]).await;
    assert_eq!(made_up["statusCode"], 400);
}

const WORKFLOWS: &str = "GET /workflows";

/// One word of a saga, at this version of its stream.
fn said(id: &str, version: u64, event_type: &str, data: &Value) -> Envelope {
    let mut event = event(id, PLACED_AT[0], event_type, "OrderSaga", data);
    event.version = Version::new(version);
    event
}

/// Beside the orders of the shop, two that are being undone, of which one waits for a person.
async fn trouble(shop: &Shop) {
    let (why, placed) = (
        json!({ "reason": "declined" }),
        json!({ "event": "OrderPlaced", "version": 1 }),
    );
    let began = json!({ "definition": 1, "step": "place-order", "answer": placed, "kept": {} });
    let stuck =
        json!({ "step": "place-order", "undoing": true, "attempts": 8, "reason": "no answer" });
    for id in ["ord-1", "ord-2"] {
        let words = [
            said(id, 1, "SagaStarted", &began),
            said(id, 2, "SagaCompensating", &why),
        ];
        deliver::<Workflow>(&shop.views, &words).await;
    }
    let words = [said("ord-2", 3, "SagaStuck", &stuck)];
    deliver::<Workflow>(&shop.views, &words).await;
}

#[tokio::test]
async fn the_most_urgent_workflows_come_first_and_each_state_can_be_asked_for() {
    let shop = shop().await;
    trouble(&shop).await;
    let all = ask(&shop, WORKFLOWS, "", &[]).await;
    assert_eq!(ids(&all), ["ord-2", "ord-1", "ord-0"]);
    let stuck = &all["body"]["entries"][0];
    let told = json!([
        stuck["style"],
        stuck["state"],
        stuck["step"]["name"],
        stuck["reason"]
    ]);
    assert_eq!(
        told,
        json!(["orchestration", "stuck", "place-order", "declined"])
    );
    for (state, id) in [
        ("stuck", "ord-2"),
        ("compensating", "ord-1"),
        ("running", "ord-0"),
    ] {
        let some = ask(&shop, WORKFLOWS, "", &[("state", state)]).await;
        assert_eq!(ids(&some), [id], "{state}");
    }
}

#[tokio::test]
async fn pages_of_workflows_go_on_from_list_to_list() {
    let shop = shop().await;
    trouble(&shop).await;
    for limit in ["1", "2"] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..4 {
            let mut query = vec![("limit", limit)];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = ask(&shop, WORKFLOWS, "", &query).await;
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            let next = page["body"]["_links"]["next"]["href"].as_str();
            let Some((_, after)) = next.and_then(|next| next.split_once("cursor=")) else {
                break;
            };
            cursor = Some(after.to_owned());
        }
        assert_eq!(seen, ["ord-2", "ord-1", "ord-0"], "{limit}");
    }
}

#[tokio::test]
async fn that_workflows_grow_older_is_no_news() {
    let shop = shop().await;
    let at = |seconds: i64| {
        let clock = ManualClock::at(envelope::Timestamp::from_millis(
            2_000_000_000_000 + seconds * 1_000,
        ));
        QueryLists::new(shop.views.clone(), clock)
    };
    let first = ask(&at(0), WORKFLOWS, "", &[]).await;
    let later = ask(&at(60), WORKFLOWS, "", &[]).await;
    assert_ne!(first["body"], later["body"]);
    let known = json!({ "If-None-Match": first["headers"]["etag"] });
    let unchanged = ask_with(&at(60), WORKFLOWS, "", &[], known).await;
    assert_eq!(unchanged["statusCode"], 304);
}
