//! Orders that a saga conducts: what must have happened to each, whatever it was told and however it was
//! disturbed.

use envelope::Envelope;

use crate::faults::Dice;
use crate::stories::{ALL, check_end};
use crate::traffic::Told;

const COMPLETED: &str = "a saga completes its order";
const COMPENSATED: &str = "a saga undoes its order";
const GAVE_UP: &str = "a saga gives up waiting";
const NEVER_BEGAN: &str = "a saga is called off before it begins";

/// The ways in which sagas must end for a test run to mean something.
pub(crate) const ENDS: [&str; 4] = [COMPLETED, COMPENSATED, GAVE_UP, NEVER_BEGAN];

/// Whether a saga ends its order because nobody answered in time.
pub(crate) fn gives_up(event: &Envelope) -> bool {
    let reason = event.data["reason"].as_str().unwrap_or_default();
    event.event_type == "OrderFailed" && reason.ends_with("was not answered in time")
}

/// All done, or all undone; in the order of cause and effect, and nothing of it by anybody else.
pub(crate) fn check_conducted(
    order_id: &str,
    told: Told,
    cancelled: bool,
    story: &[&Envelope],
    dice: &Dice,
) {
    let happened = |kind: &str| story.iter().any(|event| event.event_type == kind);
    let mut of_saga = story
        .iter()
        .filter(|event| event.aggregate_type == "OrderSaga");
    let last = of_saga.rfind(|event| event.event_type != "SagaTimerSet");
    let end = last.expect("it began").event_type.as_str();
    let gave_up = !cancelled && story.iter().any(|event| gives_up(event));
    if happened("OrderCompleted") {
        assert_eq!(end, "SagaCompleted", "{order_id}");
        dice.count(COMPLETED);
    } else {
        assert_eq!(end, "SagaCompensated", "{order_id}");
        let ends = ["OrderFailed", "OrderCancelled"].map(happened);
        assert_eq!(ends, [!cancelled, cancelled], "{order_id}");
        for (done, undone) in [
            ("InventoryReserved", "InventoryReleased"),
            ("PaymentCompleted", "PaymentRefunded"),
            ("OrderShipped", "ShipmentCancelled"),
        ] {
            assert!(!happened(done) || happened(undone), "{order_id}: {done}");
        }
        // The last thing that was done is undone first.
        let moment = |kind: &str| story.iter().position(|event| event.event_type == kind);
        let undone = ["ShipmentCancelled", "PaymentRefunded", "InventoryReleased"].map(moment);
        let undone: Vec<_> = undone.into_iter().flatten().collect();
        assert!(undone.is_sorted(), "{order_id} is undone in another order");
        let way = match () {
            () if !happened("SagaStarted") => NEVER_BEGAN,
            () if gave_up => GAVE_UP,
            () => COMPENSATED,
        };
        dice.count(way);
    }
    assert!(
        !happened("OrderFulfilled"),
        "{order_id}: that is the other style's"
    );
    if !cancelled && !gave_up {
        let kinds = ALL.into_iter().filter(|kind| happened(kind));
        // But for its name the end is the same in both styles.
        let kinds: Vec<_> = kinds
            .map(|kind| {
                if kind == "OrderCompleted" {
                    "OrderFulfilled"
                } else {
                    kind
                }
            })
            .collect();
        check_end(order_id, told, &kinds);
    }
}
