//! What clients of the HTTP API do, and what they are told: place, wait, read, cancel, register, restock.

use std::time::{Duration, Instant};

use dev::issuer::Caller;
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::outside::{Outside, PERSONAL};

const PATIENCE: Duration = Duration::from_secs(90);

fn basket(product: &str) -> Value {
    json!({
        "items": [{ "productId": product, "quantity": 1, "unitPrice": { "amount": 700, "currency": "EUR" } }],
        "shippingAddress": { "line1": PERSONAL }, "payment": { "method": "sandbox-approve" },
    })
}

fn text<'a>(answer: &'a Answer, pointer: &str) -> &'a str {
    let found = answer.body.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {}", answer.body))
}

async fn place(api: &Api<'_>, product: &str) -> Answer {
    let placed = api.post("/orders", &[], &basket(product)).await;
    assert_eq!(placed.status, 202, "{}", placed.body);
    placed
}

/// Asks behind a write. The answer waits until it shows it; on a busy machine it may say that it does not yet.
async fn get_after(api: &Api<'_>, path: &str, written: &Answer) -> Answer {
    let begun = Instant::now();
    let separator = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{separator}after={}", text(written, "/token"));
    loop {
        let answer = api.get(&path).await;
        if answer.status != 202 {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), "1");
        assert!(begun.elapsed() < PATIENCE, "{}", answer.body);
    }
}

/// A shipped order once its own stream has said so, which is the last that happens to it.
async fn at_rest(api: &Api<'_>, path: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let whole = api.get(path).await;
        if whole.body["history"].to_string().contains("OrderFulfilled") {
            return whole;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", whole.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Follows the status by long polling, as a page would, and returns all that it said.
async fn follow(api: &Api<'_>, path: &str) -> Vec<Value> {
    let begun = Instant::now();
    let (mut said, mut known) = (Vec::new(), String::new());
    loop {
        let headers = [("if-none-match", known.as_str())];
        let headers = if known.is_empty() {
            &headers[..0]
        } else {
            &headers[..]
        };
        let answer = api.get_with(&format!("{path}?wait=10s"), headers).await;
        if answer.status == 200 {
            known = answer.header("etag").to_owned();
            let moves = !answer.header("retry-after").is_empty();
            said.push(answer.body);
            if !moves {
                return said;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "{said:#?}");
    }
}

pub(crate) async fn an_order_is_placed_followed_and_read_by_whoever_placed_it(
    outside: &Outside<'_>,
) {
    let api = outside.customer("cust-31");
    let placed = place(&api, "prod-5").await;
    let itself = text(&placed, "/_links/self/href");
    let read = get_after(&api, itself, &placed).await;
    assert_eq!(
        (read.status, &read.body["customerId"]),
        (200, &json!("cust-31"))
    );
    let list = get_after(&api, "/customers/cust-31/orders?limit=5", &placed).await;
    assert_eq!(list.status, 200);
    let said = follow(&api, text(&placed, "/_links/status/href")).await;
    let last = said.last().expect("an answer");
    assert_eq!(
        (&last["stage"], &last["status"]),
        (&json!("done"), &json!("SHIPPED"))
    );
    let revisions: Vec<_> = said
        .iter()
        .map(|status| status["revision"].as_u64())
        .collect();
    assert!(revisions.is_sorted(), "{revisions:?}");
    let whole = at_rest(&api, itself).await;
    let known = [("if-none-match", whole.header("etag"))];
    assert_eq!(api.get_with(itself, &known).await.status, 304);
}

pub(crate) async fn an_order_is_cancelled_in_time_and_not_too_late(outside: &Outside<'_>) {
    let api = outside.customer("cust-32");
    let placed = place(&api, "prod-6").await;
    let itself = text(&placed, "/_links/self/href").to_owned();
    let cancellation = format!("{itself}/cancellation");
    let why = json!({ "reason": "ordered twice" });
    let stale = [("if-match", "\"9\"")];
    assert_eq!(api.post(&cancellation, &stale, &why).await.status, 412);
    let seen = [("if-match", placed.header("etag"))];
    let cancelled = api.post(&cancellation, &seen, &why).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["version"]),
        (202, &json!(2))
    );
    let said = follow(&api, &format!("{itself}/status")).await;
    let last = said.last().expect("an answer");
    assert_eq!(
        (&last["stage"], &last["status"]),
        (&json!("cancelled"), &json!("CANCELLED"))
    );
    let id = text(&placed, "/orderId");
    let story = outside
        .story_with(id, &["OrderCancelled", "ShipmentCancelled"])
        .await;
    let paid = story
        .iter()
        .any(|event| event.event_type == "PaymentCompleted");
    let undone = story
        .iter()
        .any(|event| event.event_type == "PaymentRefunded");
    assert_eq!(paid, undone, "no money is kept: {story:#?}");

    let late = place(&api, "prod-6").await;
    let itself = text(&late, "/_links/self/href");
    follow(&api, &format!("{itself}/status")).await;
    let read = api.get(itself).await;
    let cancellation = format!("{itself}/cancellation");
    // Shipped means on its way; that the order knows it comes right behind.
    outside
        .story_with(text(&late, "/orderId"), &["OrderFulfilled"])
        .await;
    let too_late = api.post(&cancellation, &[], &why).await;
    assert_eq!(too_late.status, 409, "{}", too_late.body);
    assert_eq!(read.body["status"], "SHIPPED");
    let seen = [("if-match", late.header("etag"))];
    assert_eq!(api.post(&cancellation, &seen, &why).await.status, 412);
}

pub(crate) async fn a_key_is_for_one_request_and_is_answered_the_same(outside: &Outside<'_>) {
    let api = outside.customer("cust-33");
    let key = [("idempotency-key", "basket-2026-11-21")];
    let first = api.post("/orders", &key, &basket("prod-7")).await;
    assert_eq!(first.status, 202, "{}", first.body);
    for _ in 0..3 {
        let again = api.post("/orders", &key, &basket("prod-7")).await;
        assert_eq!((again.status, again.body), (202, first.body.clone()));
    }
    let other = api.post("/orders", &key, &basket("prod-8")).await;
    assert_eq!(other.status, 422, "{}", other.body);
    let others = outside.customer("cust-34");
    let own = others.post("/orders", &key, &basket("prod-7")).await;
    assert_eq!(own.status, 202);
    assert_ne!(own.body["orderId"], first.body["orderId"]);
    // Ten at once are one, too.
    let key = [("idempotency-key", "all-at-once")];
    let all = futures::future::join_all(
        (0..10).map(|_| async { api.post("/orders", &key, &basket("prod-7")).await }),
    );
    let mut orders: Vec<_> = all.await.into_iter().map(|answer| answer.body).collect();
    orders.dedup();
    assert_eq!(orders.len(), 1, "{orders:#?}");
    let id = orders[0]["orderId"].as_str().expect("an id");
    assert_eq!(
        outside
            .story_with(id, &["OrderPlaced"])
            .await
            .iter()
            .filter(|event| event.event_type == "OrderPlaced")
            .count(),
        1
    );
}

pub(crate) async fn customers_register_and_move_and_goods_come_in(outside: &Outside<'_>) {
    let api = outside.customer("cust-new");
    let mut bare = basket("prod-9");
    bare.as_object_mut()
        .expect("an object")
        .remove("shippingAddress");
    let unknown = api.post("/orders", &[], &basket("prod-9")).await;
    assert_eq!(unknown.status, 422, "{}", unknown.body);
    let ada = json!({ "name": "Ada", "email": "ada@new.example.com", "phone": "+441632960961" });
    assert_eq!(api.post("/customers", &[], &ada).await.status, 201);
    let address = json!({ "line1": PERSONAL, "city": "Dublin" });
    assert_eq!(
        api.put("/customers/cust-new/address", &[], &address)
            .await
            .status,
        200
    );
    let placed = api.post("/orders", &[], &bare).await;
    assert_eq!(placed.status, 202, "{}", placed.body);
    let itself = text(&placed, "/_links/self/href");
    let read = get_after(&api, itself, &placed).await;
    assert_eq!(read.body["shippingAddress"], address);

    let operator = outside.operator();
    let note = [("idempotency-key", "delivery-note-1")];
    let goods = json!({ "quantity": 40 });
    let first = operator
        .post("/stock/prod-delivered/deliveries", &note, &goods)
        .await;
    assert_eq!(first.status, 202, "{}", first.body);
    let again = operator
        .post("/stock/prod-delivered/deliveries", &note, &goods)
        .await;
    assert_eq!(again.body, first.body);
    let stock = get_after(&operator, "/stock/prod-delivered", &first).await;
    assert_eq!(stock.body["available"], 40, "{}", stock.body);
}

pub(crate) async fn nobody_sees_what_is_not_his(outside: &Outside<'_>) {
    let (owner, other) = (outside.customer("cust-35"), outside.customer("cust-36"));
    let placed = place(&owner, "prod-10").await;
    let itself = text(&placed, "/_links/self/href");
    for part in ["", "/status", "/workflow"] {
        let foreign = other.get(&format!("{itself}{part}")).await;
        let none = other.get(&format!("/orders/nobody{part}")).await;
        assert_eq!((foreign.status, foreign.body), (none.status, none.body));
    }
    let cancel = async |path: &str| {
        let answer = other
            .post(&format!("{path}/cancellation"), &[], &json!({}))
            .await;
        (answer.status, answer.body)
    };
    let foreign = cancel(itself).await;
    assert_eq!(
        (foreign.0, &foreign),
        (404, &cancel("/orders/nobody").await)
    );
    let list = async |id: &str| {
        let answer = other.get(&format!("/customers/{id}/orders")).await;
        (answer.status, answer.body)
    };
    let foreign = list("cust-35").await;
    assert_eq!(
        (foreign.0, &foreign),
        (403, &list("no-such-customer").await)
    );
    for path in [
        "/workflows",
        "/ready-orders",
        "/sales?from=2026-11-21&to=2026-11-21",
    ] {
        assert_eq!(other.get(path).await.status, 403, "{path}");
    }
    let note = [("idempotency-key", "k")];
    let deliver = other
        .post("/stock/prod-1/deliveries", &note, &json!({ "quantity": 1 }))
        .await;
    assert_eq!(deliver.status, 403);
}

pub(crate) async fn tokens_that_are_not_valid_open_nothing(outside: &Outside<'_>) {
    let customer = Caller::Customer("cust-37".to_owned());
    let valid = outside.stack.token(&customer, 600).expect("a token");
    let expired = outside.stack.token(&customer, -120).expect("a token");
    let operator = outside
        .stack
        .token(&Caller::Operator, 600)
        .expect("a token");
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    // Another's claims under a signature that is valid for one's own.
    let (own, theirs) = (parts(&valid), parts(&operator));
    let forged = format!("{}.{}.{}", own[0], theirs[1], own[2]);
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", own[1]);
    let url = outside.stack.env("API_URL");
    let others = |claims: Value| outside.stack.token_with(&claims).expect("a token");
    let for_others = others(json!({ "aud": "another-system" }));
    let of_others = others(json!({ "iss": "https://another.example.com" }));
    for token in [
        for_others,
        of_others,
        String::new(),
        "x".to_owned(),
        expired,
        forged,
        unsigned,
    ] {
        let api = Api::new(url, &outside.http, token);
        for path in ["/stock", "/customers/cust-37/orders", "/workflows"] {
            assert_eq!(api.get(path).await.status, 401, "{path}");
        }
        let placed = api.post("/orders", &[], &basket("prod-1")).await;
        assert_eq!(placed.status, 401);
    }
    // What tells those from a good one is that claim alone.
    for token in [valid, others(json!({}))] {
        let api = Api::new(url, &outside.http, token);
        assert_eq!(api.get("/stock").await.status, 200);
    }
}

pub(crate) async fn the_document_and_its_page_are_open_to_everyone(outside: &Outside<'_>) {
    let api = Api::new(outside.stack.env("API_URL"), &outside.http, String::new());
    let document = api.get("/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let page = api.get("/docs").await;
    assert!(page.body.as_str().expect("a page").contains("swagger-ui"));
    for file in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let file = api.get(&format!("/docs/{file}")).await;
        assert!(file.body.as_str().expect("a text").len() > 10_000);
    }
}
