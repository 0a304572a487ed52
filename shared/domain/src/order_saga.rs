//! The orchestrated order: stock, money, parcel, done; and on failure all of it backwards.
//!
//! What is undone may never have been done: each service closes its own stream then, so that nothing
//! comes of a command that arrives late. That the order is complete is said last, because nothing
//! can fail behind it.

use std::time::Duration;

use saga::{Command, Compensation, Definition, Refusal, Retry, Saga, Start, Step, Undo};

/// The saga of an order. Its id is the order's.
#[derive(Debug)]
pub enum OrderSaga {}

const MINUTE: Duration = Duration::from_secs(60);

/// A service tries for some five minutes by itself before an event is given up. Twice is then enough. (An
/// order that nobody has paid in time is called off meanwhile, whatever it waits for.)
const FORTH: Retry = Retry {
    attempts: 2,
    timeout: Duration::from_secs(600),
    wait: MINUTE,
};

/// What was begun must be undone, however long it takes: some two and a half hours, then a person is called.
const BACK: Retry = Retry {
    attempts: 8,
    timeout: Duration::from_secs(600),
    wait: MINUTE,
};

const fn command(name: &'static str, fields: &'static [&'static str]) -> Command {
    Command {
        name,
        schema_version: 1,
        fields,
    }
}

const fn undone_by(
    name: &'static str,
    fields: &'static [&'static str],
    done: &'static [&'static str],
) -> Undo {
    Undo::By(Compensation {
        command: command(name, fields),
        done,
        failed: &[],
        retry: BACK,
    })
}

const fn refused(event: &'static str, meaning: &'static str) -> Refusal {
    Refusal {
        event,
        meaning,
        again: false,
    }
}

const RESERVE: Step = Step {
    name: "reserve-inventory",
    command: command(
        "ReserveInventory",
        &[
            "orderId",
            "customerId",
            "items",
            "total",
            "payment",
            "shippingAddress",
        ],
    ),
    done: &["InventoryReserved"],
    keep: &[],
    refused: &[refused("InventoryReserveFailed", "out of stock")],
    retry: FORTH,
    undo: undone_by("ReleaseInventory", &["orderId"], &["InventoryReleased"]),
};

const CHARGE: Step = Step {
    name: "charge-payment",
    command: command(
        "ChargePayment",
        &[
            "orderId",
            "customerId",
            "items",
            "total",
            "payment",
            "shippingAddress",
        ],
    ),
    done: &["PaymentCompleted"],
    keep: &[],
    refused: &[refused("PaymentFailed", "payment declined")],
    retry: FORTH,
    undo: undone_by(
        "RefundPayment",
        &["orderId"],
        &["PaymentRefunded", "PaymentCancelled"],
    ),
};

const SHIP: Step = Step {
    name: "ship-order",
    command: command("ShipOrder", &["orderId", "customerId", "shippingAddress"]),
    done: &["OrderShipped"],
    keep: &["trackingNumber"],
    refused: &[refused("ShipmentFailed", "not deliverable")],
    retry: FORTH,
    undo: undone_by("RecallShipment", &["orderId"], &["ShipmentCancelled"]),
};

const COMPLETE: Step = Step {
    name: "complete-order",
    command: command("CompleteOrder", &["orderId", "trackingNumber"]),
    done: &["OrderCompleted"],
    keep: &[],
    // The order decides which came first.
    refused: &[refused("OrderCancelled", "cancelled")],
    retry: FORTH,
    undo: Undo::Never {
        because: "the order has ended, and the customer was told",
        others_may_fail: false,
    },
};

impl Saga for OrderSaga {
    const NAME: &'static str = "OrderSaga";
    const FUNCTION: &'static str = "conduct-order";
    const DEFINITIONS: &'static [Definition] = &[Definition {
        version: 1,
        start: Start {
            name: "place-order",
            event: "OrderPlaced",
            keep: &[
                "orderId",
                "customerId",
                "items",
                "total",
                "payment",
                "shippingAddress",
            ],
            undo: undone_by(
                "FailOrder",
                &["orderId", "reason"],
                &["OrderFailed", "OrderCancelled"],
            ),
        },
        called_off_by: &["OrderCancelled"],
        stages: &[&[RESERVE], &[CHARGE], &[SHIP], &[COMPLETE]],
    }];
}
