//! What is let in, what is not, and that no refusal repeats what the event said.

use serde_json::{Value, json};

use super::*;

fn order() -> Value {
    json!({
        "orderId": "ord-1", "customerId": "cust-1",
        "items": [{"productId": "prod-1", "quantity": 1, "unitPrice": {"amount": 1999, "currency": "EUR"}}],
        "total": {"amount": 1999, "currency": "EUR"},
        "shippingAddress": {"name": "Ada Example", "line1": "1 Sample Street"},
        "payment": {"method": "sandbox-approve"}
    })
}

fn customer() -> Value {
    json!({"customerId": "cust-1", "name": "Ada Example", "email": "ada@example.com", "phone": "+441632960961"})
}

fn violations(event_type: &str, data: &Value) -> Vec<(String, String)> {
    match validate(event_type, 1, data) {
        Err(Invalid::Violations { violations, .. }) => violations
            .into_iter()
            .map(|violation| (violation.pointer, violation.message))
            .collect(),
        other => panic!("violations expected, not {other:?}"),
    }
}

#[test]
fn every_embedded_schema_compiles_and_is_of_the_type_that_it_stands_for() {
    for accepted in &ACCEPTED {
        let schema: Value = serde_json::from_str(accepted.schema).expect("JSON");
        assert_eq!(schema["title"], accepted.event_type);
        compile(accepted.schema);
    }
}

#[test]
fn a_valid_event_of_each_accepted_type_is_let_in() {
    let stock = json!({"productId": "prod-1", "quantity": 0});
    let moved = json!({"customerId": "cust-1", "address": {"line1": "7 Sample Street"}});
    let cases = [
        ("OrderPlaced", order()),
        ("UserRegistered", customer()),
        ("UserAddressChanged", moved),
        ("StockReplenished", stock),
    ];
    assert!(
        accepted_types().eq(cases.iter().map(|(event_type, _)| *event_type)),
        "a case for each accepted type"
    );
    for (event_type, data) in cases {
        assert_eq!(validate(event_type, 1, &data), Ok(()));
    }
}

#[test]
fn what_a_sender_adds_does_no_harm() {
    let mut data = order();
    data["giftWrap"] = json!({"paper": "red"});
    data["items"][0]["note"] = json!("for Bob");
    data["workflow"] = Value::Null;
    assert_eq!(validate("OrderPlaced", 1, &data), Ok(()));
}

#[test]
fn a_type_that_is_unknown_or_our_own_is_refused_with_the_types_that_are_accepted() {
    let accepted = "types accepted from other systems are OrderPlaced, UserRegistered, UserAddressChanged, StockReplenished";
    for refused in ["OrderTeleported", "PaymentCompleted"] {
        let error = validate(refused, 1, &json!({})).expect_err("not on the list");
        assert_eq!(
            error.to_string(),
            format!("{refused:?} is not accepted from other systems; {accepted}")
        );
    }
    let error = validate(&"x".repeat(100_000), 1, &json!({})).expect_err("unknown");
    assert!(
        error.to_string().len() < 300,
        "a sender's text is shortened"
    );
}

#[test]
fn a_version_that_nobody_described_is_refused() {
    let error = validate("OrderPlaced", 7, &order()).expect_err("unknown version");
    assert_eq!(
        error.to_string(),
        "no schema for OrderPlaced version 7; accepted is 1"
    );
}

#[test]
fn each_violation_is_named_with_its_place() {
    let mut data = order();
    data["items"][0]["quantity"] = json!(0);
    data["total"]["currency"] = json!("euro");
    data["orderId"] = json!("ord 1");
    data.as_object_mut().expect("an object").remove("payment");
    let mut found = violations("OrderPlaced", &data);
    found.sort();
    let expected = [
        ("", "\"payment\" is a required property"),
        (
            "/items/0/quantity",
            "the value is less than the minimum of 1",
        ),
        (
            "/orderId",
            "the value does not match \"^[A-Za-z0-9._:-]+$\"",
        ),
        ("/total/currency", "the value does not match \"^[A-Z]{3}$\""),
    ];
    assert_eq!(
        found,
        expected.map(|(pointer, message)| (pointer.to_owned(), message.to_owned()))
    );
}

#[test]
fn the_limits_of_every_accepted_type_hold() {
    let set = |mut data: Value, pointer: &str, value: Value| {
        *data.pointer_mut(pointer).expect("the place exists") = value;
        data
    };
    let lines = |count| Value::from(vec![order()["items"][0].clone(); count]);
    let cases = [
        ("OrderPlaced", set(order(), "/items", lines(0))),
        ("OrderPlaced", set(order(), "/items", lines(100))),
        (
            "OrderPlaced",
            set(order(), "/items/0/unitPrice/amount", json!(19.99)),
        ),
        ("OrderPlaced", set(order(), "/total/amount", json!(-1))),
        (
            "OrderPlaced",
            set(order(), "/customerId", json!("x".repeat(65))),
        ),
        (
            "OrderPlaced",
            set(order(), "/shippingAddress", json!("1 Sample Street")),
        ),
        ("UserRegistered", set(customer(), "/email", json!("ada"))),
        (
            "UserRegistered",
            set(customer(), "/phone", json!("01632 960961")),
        ),
        ("UserRegistered", set(customer(), "/name", json!(""))),
        (
            "StockReplenished",
            json!({"productId": "prod-1", "quantity": 1_000_000_001}),
        ),
        ("StockReplenished", json!([])),
    ];
    for (event_type, data) in cases {
        assert_eq!(
            violations(event_type, &data).len(),
            1,
            "{event_type} {data}"
        );
    }
}

#[test]
fn a_number_that_only_json_schema_takes_for_an_integer_is_refused() {
    let data = json!({"productId": "prod-1", "quantity": 1.0});
    assert!(
        violations("StockReplenished", &data)[0]
            .1
            .contains("integer")
    );
}

#[test]
fn a_refusal_never_repeats_the_data_and_stays_short() {
    let secret = "4111-1111-1111-1111";
    let mut data = order();
    data["items"] = Value::from(vec![
        json!({"productId": secret, "quantity": secret, "unitPrice": secret});
        10_000
    ]);
    data["orderId"] = json!({secret: secret});
    data["total"] = json!([secret]);
    data["workflow"] = json!(secret);
    let customer = json!({"email": secret, "phone": secret, "active": secret});
    for (event_type, data) in [("OrderPlaced", data), ("UserRegistered", customer)] {
        let error = validate(event_type, 1, &data).expect_err("invalid");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
        assert!(error.to_string().len() < 2_000, "{error}");
    }
}

#[test]
fn hostile_text_is_checked_in_no_time() {
    let long = format!("{}@", "a".repeat(1_000_000));
    let mut data = customer();
    data["email"] = json!(long);
    data["phone"] = json!(long);
    let started = std::time::Instant::now();
    assert!(validate("UserRegistered", 1, &data).is_err());
    assert!(
        started.elapsed().as_secs() < 2,
        "took {:?}",
        started.elapsed()
    );
}

/// Version 1 had a `title`.
#[derive(serde::Serialize, serde::Deserialize)]
struct Renamed {
    name: String,
}

impl EventData for Renamed {
    const TYPE: &'static str = "Renamed";
    const SCHEMA_VERSION: u32 = 2;
    const UPCASTERS: &'static [envelope::Upcaster] = &[|mut data| {
        data["name"] = data["title"].take();
        Ok(data)
    }];
}

#[test]
fn an_earlier_version_is_let_in_if_it_can_be_brought_up_to_the_newest() {
    let anything = r#"{ "type": "object" }"#;
    let (first, newest) = (
        Accepted::new::<Renamed>(1, anything),
        Accepted::new::<Renamed>(2, anything),
    );
    let (old, new) = (json!({ "title": "One" }), json!({ "name": "One" }));
    assert_eq!((first.check(&old), newest.check(&new)), (Ok(()), Ok(())));
    for refused in [first.check(&new), newest.check(&old)] {
        assert!(matches!(refused, Err(Invalid::Violations { .. })));
    }
}
