//! Decisions, as given / when / then, and the layouts of the states that are stored.

use envelope::Aggregate;
use serde_json::json;
use testkit::layout::assert_up_to_date;

use crate::events::*;
use crate::*;

fn given_when<A: Aggregate>(
    history: &[A::Event],
    command: &A::Command,
) -> Result<Vec<A::Event>, A::Rejection> {
    let state = history.iter().fold(A::State::default(), A::evolve);
    A::decide(&state, command)
}

fn line(product: &str, quantity: u32, price: i64) -> OrderLine {
    OrderLine {
        product_id: ProductId::new(product),
        quantity,
        unit_price: Money::new(price, "EUR"),
    }
}

fn placed() -> OrderPlaced {
    OrderPlaced {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        items: vec![line("prod-1", 2, 500), line("prod-2", 1, 250)],
        total: Money::new(1250, "EUR"),
        shipping_address: Address::default(),
        payment: PaymentTerms {
            method: "sandbox-approve".into(),
        },
        workflow: None,
    }
}

fn reserved() -> InventoryReserved {
    InventoryReserved {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        items: placed().items,
        total: placed().total,
        payment: placed().payment,
        shipping_address: Address::default(),
    }
}

#[test]
fn an_order_whose_lines_add_up_is_placed() {
    let events = given_when::<Order>(&[], &order::Command::Place(placed())).expect("accepted");
    assert_eq!(events, [placed().into()]);
}

#[test]
fn every_rule_that_an_order_breaks_is_named() {
    type Change = fn(&mut OrderPlaced);
    let cases: [(Change, &str); 7] = [
        (|o| o.items.clear(), "at least one item"),
        (|o| o.items = vec![line("p", 1, 1); 100], "at most 99 lines"),
        (|o| o.items[1].quantity = 0, "prod-2"),
        (|o| o.items[0].unit_price.amount = 0, "price of prod-1"),
        (|o| o.total.amount += 1, "add up"),
        (
            |o| o.shipping_address = Address([("line1".into(), "x".repeat(110_000).into())].into()),
            "bytes",
        ),
        (
            |o| o.items[1].unit_price.currency = Currency::new("USD"),
            "add up",
        ),
    ];
    for (change, expected) in cases {
        let mut order = placed();
        change(&mut order);
        let rejection =
            given_when::<Order>(&[], &order::Command::Place(order)).expect_err(expected);
        assert!(rejection.to_string().contains(expected), "{rejection}");
    }
}

#[test]
fn an_order_ends_once() {
    let fail = order::Command::Fail {
        reason: "declined".into(),
    };
    let fulfil = order::Command::Fulfil {
        tracking_number: "T1".into(),
    };
    let open = vec![order::OrderEvent::from(placed())];
    let failed = [
        open.clone(),
        given_when::<Order>(&open, &fail).expect("open"),
    ]
    .concat();
    assert_eq!(
        given_when::<Order>(&failed, &fail),
        Ok(vec![]),
        "the same end again changes nothing"
    );
    assert_eq!(
        given_when::<Order>(&failed, &fulfil),
        Err(order::Rejection::Ended)
    );
    assert_eq!(
        given_when::<Order>(&[], &fail),
        Err(order::Rejection::Absent)
    );
    let again = order::Command::Place(placed());
    assert_eq!(
        given_when::<Order>(&failed, &again),
        Err(order::Rejection::AlreadyPlaced)
    );
}

#[test]
fn stock_is_never_oversold_nor_released_twice_over() {
    let reserve = |quantity| stock_item::Command::Reserve {
        product_id: ProductId::new("prod-1"),
        order_id: OrderId::new("ord-1"),
        quantity,
    };
    let three = vec![
        StockReplenished {
            product_id: ProductId::new("prod-1"),
            quantity: 3,
        }
        .into(),
    ];
    assert!(given_when::<StockItem>(&three, &reserve(4)).is_err());
    let held = [
        three.clone(),
        given_when::<StockItem>(&three, &reserve(3)).expect("enough"),
    ]
    .concat();
    assert!(given_when::<StockItem>(&held, &reserve(1)).is_err());
    let release = stock_item::Command::Release {
        product_id: ProductId::new("prod-1"),
        order_id: OrderId::new("ord-1"),
        quantity: 3,
    };
    let free = [
        held.clone(),
        given_when::<StockItem>(&held, &release).expect("held"),
    ]
    .concat();
    assert!(given_when::<StockItem>(&free, &release).is_err());
    assert!(given_when::<StockItem>(&free, &reserve(3)).is_ok());
}

#[test]
fn a_reservation_is_answered_once_and_released_once() {
    let reserve = reservation::Command::Reserve(placed());
    let held = given_when::<Reservation>(&[], &reserve).expect("first");
    assert_eq!(held, [reserved().into()]);
    assert_eq!(given_when::<Reservation>(&held, &reserve), Ok(vec![]));
    let released = given_when::<Reservation>(&held, &reservation::Command::Release).expect("held");
    let all = [held, released].concat();
    assert_eq!(
        given_when::<Reservation>(&all, &reservation::Command::Release),
        Ok(vec![])
    );
    assert_eq!(
        given_when::<Reservation>(&[], &reservation::Command::Release),
        Err(reservation::Rejection::Absent)
    );
}

#[test]
fn only_a_charge_is_refunded_and_only_once() {
    let charge = payment::Command::RecordCharge {
        due: reserved(),
        provider_reference: "ch-1".into(),
    };
    let decline = payment::Command::RecordDecline {
        due: reserved(),
        reason: "no funds".into(),
    };
    let refund = payment::Command::RecordRefund {
        provider_reference: "re-1".into(),
    };
    let charged = given_when::<Payment>(&[], &charge).expect("first");
    assert_eq!(
        given_when::<Payment>(&charged, &decline),
        Ok(vec![]),
        "the first answer stands"
    );
    let refunded = [
        charged.clone(),
        given_when::<Payment>(&charged, &refund).expect("charged"),
    ]
    .concat();
    assert_eq!(given_when::<Payment>(&refunded, &refund), Ok(vec![]));
    assert_eq!(
        given_when::<Payment>(&refunded, &charge),
        Ok(vec![]),
        "a late repeat charges nothing"
    );
    let declined = given_when::<Payment>(&[], &decline).expect("first");
    assert_eq!(
        given_when::<Payment>(&declined, &refund),
        Err(payment::Rejection::NotCharged)
    );
}

#[test]
fn a_registration_with_other_details_is_refused_and_a_repeat_changes_nothing() {
    let ada: UserRegistered = serde_json::from_value(json!({
        "customerId": "cust-1", "name": "Ada", "email": "ada@example.com", "phone": "+441234567"
    }))
    .expect("active by default");
    let known = vec![ada.clone().into()];
    assert_eq!(
        given_when::<Customer>(&known, &customer::Command::Register(ada.clone())),
        Ok(vec![])
    );
    let other = UserRegistered {
        name: "Eve".into(),
        ..ada
    };
    assert!(given_when::<Customer>(&known, &customer::Command::Register(other)).is_err());
}

#[test]
fn the_layout_digest_of_every_state_is_up_to_date() {
    assert_up_to_date::<Customer>();
    assert_up_to_date::<Order>();
    assert_up_to_date::<Payment>();
    assert_up_to_date::<Reservation>();
    assert_up_to_date::<Shipment>();
    assert_up_to_date::<StockItem>();
}
