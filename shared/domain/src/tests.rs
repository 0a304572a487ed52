//! Decisions, as given / when / then, and the layouts of the states that are stored.

mod cancelling;

use serde_json::json;
use testkit::given;
use testkit::layout::assert_up_to_date;

use crate::events::*;
use crate::*;

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
    given::<Order>([])
        .when(order::Command::Place(placed()))
        .then([placed().into()]);
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
        let rejection = Order::decide(&order::State::default(), &order::Command::Place(order));
        let rejection = rejection.expect_err(expected);
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
    let failed = OrderFailed {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        reason: "declined".into(),
    };
    given::<Order>([placed().into()])
        .when(fail.clone())
        .then([failed.into()])
        .when(fail.clone())
        .then_nothing()
        .when(fulfil)
        .then_rejected(order::Rejection::Ended)
        .when(order::Command::Place(placed()))
        .then_rejected(order::Rejection::AlreadyPlaced);
    given::<Order>([])
        .when(fail)
        .then_rejected(order::Rejection::Absent);
}

#[test]
fn stock_is_never_oversold_nor_released_twice_over() {
    let product_id = || ProductId::new("prod-1");
    let order_id = || OrderId::new("ord-1");
    let reserve = |quantity| stock_item::Command::Reserve {
        product_id: product_id(),
        order_id: order_id(),
        quantity,
    };
    let release = || stock_item::Command::Release {
        product_id: product_id(),
        order_id: order_id(),
        quantity: 3,
    };
    let short = |wanted, available| stock_item::Rejection::Short {
        product_id: product_id(),
        wanted,
        available,
    };
    let replenished = StockReplenished {
        product_id: product_id(),
        quantity: 3,
    };
    let reserved = || StockReserved {
        product_id: product_id(),
        order_id: order_id(),
        quantity: 3,
    };
    let released = StockReleased {
        product_id: product_id(),
        order_id: order_id(),
        quantity: 3,
    };
    given::<StockItem>([replenished.into()])
        .when(reserve(4))
        .then_rejected(short(4, 3))
        .when(reserve(3))
        .then([reserved().into()])
        .when(reserve(1))
        .then_rejected(short(1, 0))
        .when(release())
        .then([released.into()])
        .when(release())
        .then_rejected(stock_item::Rejection::NotReserved {
            product_id: product_id(),
            released: 3,
            reserved: 0,
        })
        .when(reserve(3))
        .then([reserved().into()]);
}

#[test]
fn a_reservation_is_answered_once_and_released_once() {
    let reserve = || reservation::Command::Reserve(placed().into());
    let released = InventoryReleased {
        order_id: OrderId::new("ord-1"),
        items: placed().items,
    };
    given::<Reservation>([])
        .when(reservation::Command::Release)
        .then_rejected(reservation::Rejection::Absent)
        .when(reserve())
        .then([reserved().into()])
        .when(reserve())
        .then_nothing()
        .when(reservation::Command::Release)
        .then([released.into()])
        .when(reservation::Command::Release)
        .then_nothing();
}

fn charge() -> payment::Command {
    payment::Command::RecordCharge {
        due: reserved().into(),
        provider_reference: "ch-1".into(),
    }
}

fn paid() -> PaymentCompleted {
    PaymentCompleted {
        order_id: reserved().order_id,
        customer_id: reserved().customer_id,
        amount: reserved().total,
        provider_reference: "ch-1".into(),
        items: reserved().items,
        shipping_address: reserved().shipping_address,
    }
}

#[test]
fn only_a_charge_is_refunded_and_only_once() {
    let decline = || payment::Command::RecordDecline {
        due: reserved().into(),
        reason: "no funds".into(),
    };
    let refund = || payment::Command::RecordRefund {
        provider_reference: "re-1".into(),
    };
    let refunded = PaymentRefunded {
        order_id: reserved().order_id,
        amount: reserved().total,
        provider_reference: "re-1".into(),
    };
    let failed = PaymentFailed {
        order_id: reserved().order_id,
        customer_id: reserved().customer_id,
        reason: "no funds".into(),
    };
    // The first answer stands, and a late repeat charges nothing.
    given::<Payment>([])
        .when(charge())
        .then([paid().into()])
        .when(decline())
        .then_nothing()
        .when(refund())
        .then([refunded.into()])
        .when(refund())
        .then_nothing()
        .when(charge())
        .then_nothing();
    given::<Payment>([])
        .when(decline())
        .then([failed.into()])
        .when(refund())
        .then_rejected(payment::Rejection::NotCharged);
}

#[test]
fn a_registration_with_other_details_is_refused_and_a_repeat_changes_nothing() {
    let ada: UserRegistered = serde_json::from_value(json!({
        "customerId": "cust-1", "name": "Ada", "email": "ada@example.com", "phone": "+441234567"
    }))
    .expect("active by default");
    let other = UserRegistered {
        name: "Eve".into(),
        ..ada.clone()
    };
    given::<Customer>([])
        .when(customer::Command::Register(ada.clone()))
        .then([ada.clone().into()])
        .when(customer::Command::Register(ada))
        .then_nothing()
        .when(customer::Command::Register(other))
        .then_rejected(customer::Rejection::AlreadyRegistered);
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

#[test]
fn a_saga_completes_an_order_once_and_no_other_end_follows() {
    let complete = || order::Command::Complete {
        tracking_number: "T1".into(),
    };
    let completed = OrderCompleted {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        tracking_number: "T1".into(),
    };
    given::<Order>([placed().into()])
        .when(complete())
        .then([completed.clone().into()]);
    given::<Order>([placed().into(), completed.clone().into()])
        .when(complete())
        .then([]);
    given::<Order>([placed().into(), completed.into()])
        .when(order::Command::Cancel { reason: None })
        .then_rejected(order::Rejection::TooLate);
    let failed = OrderFailed {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        reason: "declined".into(),
    };
    given::<Order>([placed().into(), failed.into()])
        .when(complete())
        .then_rejected(order::Rejection::Ended);
}

#[test]
fn the_saga_of_an_order_has_no_flaws() {
    assert_eq!(saga::flaws::<OrderSaga>(), Vec::<String>::new());
}
