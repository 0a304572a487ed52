//! The document of the HTTP API is true: every route and every answer in it is exercised, on the handlers that
//! are deployed, over stores in memory that fail when they are told to; and each answer is as it says.
//!
//! What the gateway answers by itself is seen end to end (`flows`), as is that all of this holds there.

mod asking;
mod shop;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::document::Document;

use asking::{Ask, by, get, post, put};
use shop::Shop;

fn order() -> Value {
    json!({
        "items": [{ "productId": "prod-1", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }],
        "shippingAddress": { "line1": "7 Sample Street" }, "payment": { "method": "sandbox-approve" },
    })
}

fn ada() -> Value {
    json!({ "name": "Ada", "email": "ada@example.com", "phone": "+441632960961" })
}

/// One request for each answer, but for those that any request may get.
fn requests(shop: &Shop) -> Vec<(u16, Ask)> {
    let (stale, key) = (("if-match", "\"9\""), ("idempotency-key", "note-9"));
    let written = |kind: &str, id: &str, version: u64| {
        let token = json!({ "t": kind, "i": id, "v": version });
        http_api::Cursor::of(&token).to_string()
    };
    let after = |path: &str, kind: &str, id: &str, version| {
        get(&format!("{path}?after={}", written(kind, id, version)))
    };
    let broken = json!({ "items": [], "payment": { "method": "x" }, "shippingAddress": {} });
    let known = |id: &str| json!({ "customerId": id, "name": "Eve", "email": "e@example.com", "phone": "+441632960962" });
    let (orders, cancel) = ("/orders", "/orders/ord-open/cancellation");
    let (lines, goods) = (json!({ "line1": "x" }), json!({ "quantity": 5 }));
    let deliver = "/stock/prod-1/deliveries";
    let mut all = vec![
        (202, post(orders, &order())),
        (400, post(orders, &json!([]))),
        (403, post(orders, &known("cust-2"))),
        (
            409,
            post(orders, &{
                let mut taken = order();
                taken["orderId"] = json!("ord-open");
                taken["customerId"] = json!("cust-1");
                taken
            })
            .by_operator(),
        ),
        (422, post(orders, &broken)),
        (202, post(cancel, &json!({ "reason": "ordered twice" }))),
        (400, post(cancel, &json!({ "reason": 7 }))),
        (404, post("/orders/nobody/cancellation", &json!({}))),
        (409, post("/orders/ord-done/cancellation", &json!({}))),
        (412, post(cancel, &json!({})).with(stale)),
        (422, post(cancel, &json!({ "reason": "x".repeat(501) }))),
        (201, post("/customers", &ada()).by("cust-new")),
        (400, post("/customers", &json!(7))),
        (403, post("/customers", &known("cust-2"))),
        (409, post("/customers", &known("cust-1"))),
        (422, post("/customers", &json!({})).by("cust-new")),
        (200, put("/customers/cust-1/address", &lines)),
        (
            400,
            put("/customers/cust-1/address", &lines).with(("if-match", "1")),
        ),
        (403, put("/customers/cust-2/address", &lines)),
        (404, put("/customers/nobody/address", &lines).by_operator()),
        (412, put("/customers/cust-1/address", &lines).with(stale)),
        (422, put("/customers/cust-1/address", &json!({}))),
        (200, get("/customers/cust-1/orders")),
        (
            202,
            after("/customers/cust-1/orders", "Order", "ord-open", 9),
        ),
        (400, get("/customers/cust-1/orders?limit=0")),
        (403, get("/customers/cust-2/orders")),
        (404, get("/customers/a%20b/orders").by_operator()),
        (202, post(deliver, &goods).by_operator().with(key)),
        (400, post(deliver, &goods).by_operator()),
        (403, post(deliver, &goods).with(key)),
        (
            422,
            post(deliver, &json!({ "quantity": -1 }))
                .by_operator()
                .with(key),
        ),
        (200, get("/openapi.json").by("")),
        (200, get("/docs").by("")),
        (200, get("/docs/swagger-ui.css").by("")),
        (200, get("/docs/swagger-ui-bundle.js").by("")),
        (404, get("/docs/other").by("")),
        (201, post("/push-tickets", &json!({}))),
        (404, get("/orders/nobody/status")),
        (400, get("/orders/ord-open/status?wait=1h")),
        (404, get("/stock/nothing")),
        (202, after("/stock/prod-1", "StockItem", "prod-1", 9)),
        (400, get("/stock/prod-1?after=x")),
        (202, after("/stock", "StockItem", "prod-1", 9)),
        (400, get("/stock?cursor=x")),
        (400, get("/sales").by_operator()),
        (400, get("/workflows?state=completed").by_operator()),
        (403, get("/sales?from=2026-11-20&to=2026-11-20")),
    ];
    all.extend(interventions());
    for id in ["ord-done", "ord-saga", "ord-stuck"] {
        let path = format!("/orders/{id}/workflow");
        all.push((200, get(&path)));
        all.push((200, get(&path).with(("accept", "text/vnd.mermaid"))));
        all.push((200, get(&format!("{path}?format=svg"))));
        all.push((400, get(&format!("{path}?format=png"))));
        let picture = get(&format!("{path}?format=svg"));
        all.push((304, picture.with(("if-none-match", "*"))));
    }
    for path in ["/orders/ord-open", "/orders/ord-open/workflow"] {
        all.push((202, after(path, "Order", "ord-open", 9)));
        all.push((400, get(&format!("{path}?after=x"))));
        all.push((404, get(&path.replace("ord-open", "nobody"))));
    }
    for path in ["/ready-orders", "/workflows"] {
        all.push((202, after(path, "Order", "ord-open", 9).by_operator()));
        all.push((400, get(&format!("{path}?limit=x")).by_operator()));
        all.push((403, get(path)));
    }
    for path in [
        "/orders/ord-open",
        "/orders/ord-done",
        "/orders/ord-open/status",
        "/orders/ord-done/status",
        "/orders/ord-stored/status",
        "/orders/ord-open/workflow",
        "/customers/cust-1/orders",
        "/stock",
        "/stock/prod-1",
        "/ready-orders",
        "/workflows",
        "/workflows?state=stuck",
        "/workflows?state=compensating",
        &shop.sales(),
    ] {
        all.push((200, get(path).by_operator()));
        all.push((304, get(path).by_operator().with(("if-none-match", "*"))));
    }
    all
}

/// What an operator may do about a workflow, and what not.
fn interventions() -> Vec<(u16, Ask)> {
    let at = |id: &str, body: &Value| post(&format!("/orders/{id}/workflow/interventions"), body);
    let resume = json!({ "action": "resume", "reason": "the warehouse answers again" });
    let resolve =
        json!({ "action": "resolve", "step": "reserve-inventory", "reason": "done by hand" });
    vec![
        (202, at("ord-stuck", &resume).by_operator()),
        (202, at("ord-stuck", &resolve).by_operator()),
        (400, at("ord-stuck", &json!(7)).by_operator()),
        (403, at("ord-stuck", &resume)),
        (404, at("ord-open", &resume).by_operator()),
        (202, at("ord-saga", &resume).by_operator()),
        (409, at("ord-saga", &resolve).by_operator()),
        (422, at("ord-stuck", &json!({})).by_operator()),
    ]
}

#[tokio::test]
async fn every_answer_in_the_document_is_given_and_is_as_the_document_says() {
    let document = Document::read();
    let mut given = BTreeSet::new();
    let mut templates = BTreeSet::new();
    let shop = Shop::open().await;
    for (status, ask) in requests(&shop) {
        // Each in a shop of its own, so that the order of the requests does not matter.
        let shop = Shop::open().await;
        let answer = shop.answer(&ask).await;
        assert_eq!(answer.status, status, "{ask:?}: {}", answer.body);
        given.insert(answer.check(document, &ask));
        let name = document.operation(ask.method, &ask.path);
        // What any request may get.
        if templates.insert(name.clone()) && document.answers().contains(&(name.clone(), 401)) {
            let nobody = shop.answer(&ask.clone().by("")).await;
            assert_eq!(nobody.status, 401, "{ask:?}");
            given.insert(nobody.check(document, &ask));
        }
        if status < 300 && document.answers().contains(&(name, 503)) {
            let shop = Shop::open().await;
            shop.fail();
            let failed = shop.answer(&ask).await;
            assert_eq!(failed.status, 503, "{ask:?}: {}", failed.body);
            given.insert(failed.check(document, &ask));
        }
    }
    let described = document.answers();
    let missing: Vec<_> = described.difference(&given).collect();
    assert!(
        missing.is_empty(),
        "described and never given: {missing:#?}"
    );
}

#[test]
fn the_document_describes_the_routes_of_the_template_and_no_others() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/cloudformation.json");
    let template = std::fs::read_to_string(path).expect("the plain form of the template");
    let template: Value = serde_json::from_str(&template).expect("JSON");
    let resources = template["Resources"]
        .as_object()
        .expect("resources")
        .values();
    let of_http = |resource: &&Value| {
        resource["Type"] == "AWS::ApiGatewayV2::Route"
            && resource["Properties"]["ApiId"]["Ref"] == "Api"
    };
    let routes: BTreeSet<_> = resources
        .filter(of_http)
        .map(|route| route["Properties"].clone())
        .collect::<Vec<_>>()
        .iter()
        .map(|route| {
            let open = route["AuthorizationType"] == "NONE";
            (route["RouteKey"].as_str().expect("a key").to_owned(), open)
        })
        .collect();
    let operations = Document::read().operations().into_iter();
    let described: BTreeSet<_> = operations
        .map(|(name, operation)| (name, operation["security"] == json!([])))
        .collect();
    assert_eq!(routes, described);
}

/// What a client reads must be what is checked here.
#[tokio::test]
async fn the_examples_of_the_document_are_accepted() {
    for (name, operation) in Document::read().operations() {
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        if example.is_null() {
            continue;
        }
        let (method, template) = name.split_once(' ').expect("two words");
        let ids = [
            ("/orders/{id}/workflow", "/orders/ord-stuck/workflow"),
            ("/orders/{id}", "/orders/ord-open"),
            ("/customers/{id}", "/customers/cust-1"),
            ("/stock/{id}", "/stock/prod-1"),
        ];
        let path = ids.iter().fold(template.to_owned(), |path, (from, to)| {
            path.replace(from, to)
        });
        let ask = by(method, &path, example).with(("idempotency-key", "k"));
        let ask = match template {
            "/customers" => ask.by("cust-new"),
            "/stock/{id}/deliveries" | "/orders/{id}/workflow/interventions" => ask.by_operator(),
            _ => ask,
        };
        let answer = Shop::open().await.answer(&ask).await;
        assert!(answer.status < 300, "{name}: {}", answer.body);
    }
}
