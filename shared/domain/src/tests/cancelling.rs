//! An order that is called off, and what each service makes of it wherever it stands.

use testkit::given;

use super::{charge, paid, placed, reserved};
use crate::events::*;
use crate::*;

fn cancelled(reason: Option<&str>) -> OrderCancelled {
    OrderCancelled {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        reason: reason.map(str::to_owned),
        workflow: None,
    }
}

fn cancel(reason: Option<&str>) -> order::Command {
    order::Command::Cancel {
        reason: reason.map(str::to_owned),
    }
}

#[test]
fn an_open_order_is_cancelled_once_and_what_the_services_report_later_changes_nothing() {
    let fail = order::Command::Fail {
        reason: "declined".into(),
    };
    let fulfil = order::Command::Fulfil {
        tracking_number: "T1".into(),
    };
    given::<Order>([placed().into()])
        .when(cancel(Some("found it cheaper")))
        .then([cancelled(Some("found it cheaper")).into()])
        .when(cancel(None))
        .then_nothing()
        .when(fail)
        .then_nothing()
        .when(fulfil)
        .then_nothing()
        .when(order::Command::Place(placed()))
        .then_rejected(order::Rejection::AlreadyPlaced);
    given::<Order>([placed().into()])
        .when(cancel(None))
        .then([cancelled(None).into()]);
}

#[test]
fn an_order_that_is_not_open_is_not_cancelled() {
    let (order_id, customer_id) = (OrderId::new("ord-1"), CustomerId::new("cust-1"));
    let fulfilled = OrderFulfilled {
        order_id: order_id.clone(),
        customer_id: customer_id.clone(),
        tracking_number: "T1".into(),
    };
    let failed = OrderFailed {
        order_id,
        customer_id,
        reason: "declined".into(),
    };
    given::<Order>([])
        .when(cancel(None))
        .then_rejected(order::Rejection::Absent);
    given::<Order>([placed().into(), fulfilled.into()])
        .when(cancel(None))
        .then_rejected(order::Rejection::TooLate);
    given::<Order>([placed().into(), failed.into()])
        .when(cancel(None))
        .then_rejected(order::Rejection::Ended);
}

#[test]
fn the_reason_for_a_cancellation_is_as_long_as_its_schema_allows() {
    let reason = |chars| "é".repeat(chars);
    given::<Order>([placed().into()])
        .when(cancel(Some(&reason(REASON_CHARS_MAX + 1))))
        .then_rejected(order::Rejection::ReasonTooLong(REASON_CHARS_MAX + 1))
        .when(cancel(Some(&reason(REASON_CHARS_MAX))))
        .then([cancelled(Some(&reason(REASON_CHARS_MAX))).into()]);
}

#[test]
fn a_cancelled_order_holds_nothing_and_a_reservation_that_comes_later_reserves_nothing() {
    let cancel = || reservation::Command::Cancel {
        order_id: OrderId::new("ord-1"),
    };
    let released = |items| InventoryReleased {
        order_id: OrderId::new("ord-1"),
        items,
    };
    let refuse = || reservation::Command::Refuse {
        order: placed().into(),
        reason: "short".into(),
    };
    given::<Reservation>([])
        .when(cancel())
        .then([released(vec![]).into()])
        .when(cancel())
        .then_nothing()
        .when(reservation::Command::Reserve(placed().into()))
        .then_nothing()
        .when(refuse())
        .then_nothing();
    given::<Reservation>([reserved().into()])
        .when(cancel())
        .then([released(placed().items).into()])
        .when(reservation::Command::Release)
        .then_nothing();
    let refused = InventoryReserveFailed {
        order_id: OrderId::new("ord-1"),
        customer_id: CustomerId::new("cust-1"),
        reason: "short".into(),
    };
    given::<Reservation>([])
        .when(refuse())
        .then([refused.into()])
        .when(cancel())
        .then_nothing();
}

#[test]
fn a_payment_that_is_cancelled_records_no_charge_and_a_charge_is_not_cancelled() {
    let cancel = || payment::Command::Cancel {
        order_id: OrderId::new("ord-1"),
    };
    let refund = || payment::Command::RecordRefund {
        provider_reference: "re-1".into(),
    };
    let cancelled = PaymentCancelled {
        order_id: OrderId::new("ord-1"),
    };
    given::<Payment>([])
        .when(cancel())
        .then([cancelled.into()])
        .when(cancel())
        .then_nothing()
        .when(charge())
        .then_nothing()
        .when(refund())
        .then_rejected(payment::Rejection::NotCharged);
    // It is refunded instead.
    let refunded = PaymentRefunded {
        order_id: OrderId::new("ord-1"),
        amount: reserved().total,
        provider_reference: "re-1".into(),
    };
    given::<Payment>([paid().into()])
        .when(cancel())
        .then_nothing()
        .when(refund())
        .then([refunded.into()])
        .when(cancel())
        .then_nothing();
}

#[test]
fn a_shipment_is_cancelled_before_the_pickup_or_after_the_recall_and_only_once() {
    let order_id = || OrderId::new("ord-1");
    let pickup = || shipment::Command::RecordPickup {
        order: paid().into(),
        tracking_number: "T1".into(),
    };
    let refusal = || shipment::Command::RecordRefusal {
        order: paid().into(),
        reason: "no such address".into(),
    };
    let cancel = || shipment::Command::Cancel {
        order_id: order_id(),
    };
    let recall = || shipment::Command::RecordRecall {
        order_id: order_id(),
    };
    let cancelled = || ShipmentCancelled {
        order_id: order_id(),
    };
    let shipped = OrderShipped {
        order_id: order_id(),
        customer_id: CustomerId::new("cust-1"),
        tracking_number: "T1".into(),
    };
    let failed = ShipmentFailed {
        order_id: order_id(),
        customer_id: CustomerId::new("cust-1"),
        reason: "no such address".into(),
    };
    given::<Shipment>([])
        .when(recall())
        .then_nothing()
        .when(cancel())
        .then([cancelled().into()])
        .when(pickup())
        .then_nothing()
        .when(refusal())
        .then_nothing()
        .when(recall())
        .then_nothing();
    given::<Shipment>([])
        .when(pickup())
        .then([shipped.into()])
        .when(cancel())
        .then_nothing()
        .when(recall())
        .then([cancelled().into()])
        .when(recall())
        .then_nothing();
    given::<Shipment>([])
        .when(refusal())
        .then([failed.into()])
        .when(cancel())
        .then_nothing()
        .when(recall())
        .then_nothing();
}

#[test]
fn a_cancellation_says_which_style_the_order_has() {
    let orchestrated = OrderPlaced {
        workflow: Some(Workflow::Orchestration),
        ..placed()
    };
    let expected = OrderCancelled {
        workflow: Some(Workflow::Orchestration),
        ..cancelled(None)
    };
    given::<Order>([orchestrated.into()])
        .when(cancel(None))
        .then([expected.into()]);
}
