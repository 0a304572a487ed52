//! What must have happened to each order: every effect once, and each with its cause.

use envelope::Envelope;
use projection_kit::Projection;
use projections::{Order, OrderStatus};

use crate::cancelling::check_undone;
use crate::conducted::check_conducted;
use crate::faults::Dice;
use crate::traffic::Told;

/// The story of an order that ended well.
const SHIPPED: [&str; 5] = [
    "OrderPlaced",
    "InventoryReserved",
    "PaymentCompleted",
    "OrderShipped",
    "OrderFulfilled",
];

/// All that can happen to an order.
pub(crate) const ALL: [&str; 15] = [
    "OrderPlaced",
    "InventoryReserved",
    "InventoryReserveFailed",
    "PaymentCompleted",
    "PaymentFailed",
    "OrderShipped",
    "ShipmentFailed",
    "PaymentRefunded",
    "PaymentCancelled",
    "InventoryReleased",
    "ShipmentCancelled",
    "OrderFulfilled",
    "OrderCompleted",
    "OrderFailed",
    "OrderCancelled",
];

/// Whether it is the good end of an order, of either style.
pub(crate) fn ends_well(event: &Envelope) -> bool {
    ["OrderFulfilled", "OrderCompleted"].contains(&event.event_type.as_str())
}

/// Every effect once, in the order of cause and effect, and the end that the order was told to have,
/// unless it was cancelled.
pub(crate) fn check_story(
    order_id: &str,
    told: Told,
    cancelled: bool,
    story: &[&Envelope],
    dice: &Dice,
) {
    let count = |kind: &str| {
        story
            .iter()
            .filter(|event| event.event_type == kind)
            .count()
    };
    let happened: Vec<&str> = ALL.into_iter().filter(|kind| count(kind) > 0).collect();
    let conducted = story[0].data["workflow"] == "orchestration";
    if conducted {
        check_conducted(order_id, told, cancelled, story, dice);
    } else if cancelled {
        check_undone(order_id, story, dice);
    } else {
        check_end(order_id, told, &happened);
    }
    assert!(
        happened.iter().all(|kind| count(kind) == 1),
        "{order_id}: an effect happened twice"
    );
    check_chain(order_id, story);
    let mut view = Order::new(order_id);
    for event in story
        .iter()
        .filter(|event| !["StockItem", "OrderSaga"].contains(&event.aggregate_type.as_str()))
    {
        Order::fold(&mut view, event).expect("known");
    }
    let expected = match () {
        () if cancelled => OrderStatus::Cancelled,
        () if happened.contains(&"OrderFailed") => OrderStatus::Failed,
        () if conducted => OrderStatus::Completed,
        () => OrderStatus::Shipped,
    };
    assert_eq!(view.story.status(), expected, "{order_id}");
}

/// What happened is what the order was told to have happen.
pub(crate) fn check_end(order_id: &str, told: Told, happened: &[&str]) {
    let shipped = happened.contains(&"OrderShipped");
    let expected: &[&str] = match told {
        Told::Scarce if shipped => &SHIPPED,
        Told::Ship | Told::FlakyPayment | Told::BrokenPayment | Told::FlakyCarrier => &SHIPPED,
        Told::Decline => &[
            "OrderPlaced",
            "InventoryReserved",
            "PaymentFailed",
            "InventoryReleased",
            "OrderFailed",
        ],
        Told::OutOfStock | Told::Scarce => {
            &["OrderPlaced", "InventoryReserveFailed", "OrderFailed"]
        }
        Told::Undeliverable => &[
            "OrderPlaced",
            "InventoryReserved",
            "PaymentCompleted",
            "ShipmentFailed",
            "PaymentRefunded",
            "InventoryReleased",
            "OrderFailed",
        ],
    };
    assert_eq!(happened, expected, "{order_id} was told to {told:?}");
}

/// Every event was caused by one that came before it in the same story, but for the order and its
/// cancellation.
fn check_chain(order_id: &str, story: &[&Envelope]) {
    for (index, event) in story.iter().enumerate() {
        let cause = event.metadata.causation_id.as_deref();
        match index {
            0 => assert_eq!(
                (event.event_type.as_str(), cause),
                ("OrderPlaced", None),
                "{order_id}"
            ),
            _ if event.event_type == "OrderCancelled" => {
                let of_command = format!("cancel-{order_id}-");
                // Nobody paid: it was the order itself, that came again.
                let of_order = story[0].event_id.as_str();
                let cause = cause.expect("a command or an event");
                let known = cause.starts_with(&of_command) || cause == of_order;
                assert!(known, "{order_id}: {cause}");
            }
            _ => assert!(
                story[..index]
                    .iter()
                    .any(|earlier| Some(earlier.event_id.as_str()) == cause),
                "{order_id}: the cause of {} is not in the story before it",
                event.event_type
            ),
        }
    }
}
