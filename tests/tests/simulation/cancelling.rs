//! Customers who change their minds: at any moment of an order, once or twice, in time or too late.
//! And those who do not pay in time.

use std::collections::BTreeSet;

use domain::{Order, order};
use envelope::{Cause, CommandId, Envelope};
use event_store::{Commit, Decider, ExecuteError};
use ports::ManualClock;

use crate::faults::{Dice, Remote};
use crate::world::World;

/// What a customer may wait for before they cancel. An order that never gets there is cancelled when
/// nothing else happens any more.
const MOMENTS: [&str; 5] = [
    "OrderPlaced",
    "InventoryReserved",
    "PaymentCompleted",
    "OrderShipped",
    "OrderFulfilled",
];

const AT_ONCE: &str = "an order is cancelled before it is reserved";
const VOIDED: &str = "a charge that nobody recorded is voided";
const REFUNDED: &str = "a recorded charge is refunded";
const CAUGHT: &str = "a parcel that nobody recorded is recalled";
const RECALLED: &str = "a recorded parcel is recalled";
const REFUSED: &str = "a cancellation comes too late";
const EXPIRED: &str = "an order is cancelled because nobody has paid";

/// The ways in which cancellations must go for a test run to mean something.
pub(crate) const WAYS: [&str; 7] = [
    AT_ONCE, VOIDED, REFUNDED, CAUGHT, RECALLED, REFUSED, EXPIRED,
];

/// A request that has not been answered.
pub(crate) struct Cancellation {
    pub(crate) order_id: String,
    command_id: String,
    /// The type of the event that it waits for.
    after: Option<&'static str>,
}

/// What a customer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Cancelled,
    TooLate,
}

impl World {
    /// Most customers will cancel, some of them twice, and some of those under the same id.
    pub(crate) fn draw_cancellations(&mut self) {
        for order_id in self.orders.keys() {
            if self.dice.below(3) == 0 {
                continue;
            }
            let after = MOMENTS[self.dice.below(MOMENTS.len())];
            for _ in 0..=self.dice.below(2) {
                self.cancellations.push(Cancellation {
                    order_id: order_id.clone(),
                    command_id: format!("cancel-{order_id}-{}", self.dice.below(2)),
                    after: Some(after),
                });
            }
        }
    }

    /// Cancels an order that is stored, and asks until there is an answer.
    pub(crate) async fn cancel_at_once(&self, order_id: &str) {
        let cancellation = Cancellation {
            order_id: order_id.to_owned(),
            command_id: format!("cancel-{order_id}-0"),
            after: None,
        };
        while self.cancel(&cancellation).await != Some(Told::Cancelled) {}
    }

    /// Nothing else happens any more: nobody waits any longer.
    pub(crate) fn hurry(&mut self) {
        for cancellation in &mut self.cancellations {
            cancellation.after = None;
        }
    }

    /// Some of the customers whose moment has come, or is past.
    pub(crate) fn take_cancellations(&mut self) -> Vec<Cancellation> {
        if self.cancellations.is_empty() {
            return Vec::new();
        }
        let log = self.store.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        let happened: BTreeSet<_> = events.map(|e| (e.aggregate_id, e.event_type)).collect();
        let dice = self.dice.clone();
        let due = |cancellation: &mut Cancellation| {
            let come = cancellation.after.is_none_or(|moment| {
                happened.contains(&(cancellation.order_id.clone(), moment.to_owned()))
            });
            come && dice.below(3) == 0
        };
        self.cancellations.extract_if(.., due).collect()
    }

    /// One request to a process that has just started; nothing if it got no answer.
    pub(crate) fn cancel(
        &self,
        cancellation: &Cancellation,
    ) -> impl Future<Output = Option<Told>> + use<> {
        let store = Remote::new(self.store.clone(), &self.dice);
        let orders = Decider::<Order, _, ManualClock>::new(store, self.clock.clone());
        let command_id = CommandId::new(&cancellation.command_id).expect("an id");
        let order_id = cancellation.order_id.clone();
        async move {
            let reason = Some("found it cheaper".to_owned());
            let command = order::Command::Cancel { reason };
            let cause = Cause::command(&command_id);
            match orders.execute(&order_id, &cause, &command).await {
                Ok(_) => Some(Told::Cancelled),
                Err(ExecuteError::Rejected(
                    order::Rejection::TooLate | order::Rejection::Ended,
                )) => Some(Told::TooLate),
                Err(ExecuteError::Rejected(other)) => panic!("{order_id}: {other}"),
                Err(_) => None,
            }
        }
    }

    /// Whoever got no answer asks again.
    pub(crate) fn note(&mut self, cancellation: Cancellation, told: Option<Told>) {
        match told {
            Some(told) => self.told.push((cancellation.order_id, told)),
            None => self.cancellations.push(cancellation),
        }
    }

    /// The orders that were cancelled, as the customers were told, all of them the same; and those
    /// that nobody paid in time.
    pub(crate) fn cancelled(&self) -> BTreeSet<&str> {
        let with = |wanted| {
            let told = self.told.iter().filter(move |(_, told)| *told == wanted);
            told.map(|(order_id, _)| order_id.as_str())
        };
        let cancelled = with(Told::Cancelled).collect::<BTreeSet<_>>();
        assert!(with(Told::TooLate).all(|order_id| !cancelled.contains(order_id)));
        for _ in with(Told::TooLate) {
            self.dice.count(REFUSED);
        }
        cancelled.into_iter().chain(self.expired()).collect()
    }

    fn expired(&self) -> BTreeSet<&str> {
        let log = self.store.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        let unpaid = events.filter(|event| {
            let reason = event.data["reason"].as_str().unwrap_or_default();
            event.event_type == "OrderCancelled" && reason.starts_with("not paid")
        });
        let unpaid: BTreeSet<_> = unpaid.map(|event| event.aggregate_id).collect();
        unpaid.iter().for_each(|_| self.dice.count(EXPIRED));
        let orders = self.orders.keys().map(String::as_str);
        orders.filter(|id| unpaid.contains(*id)).collect()
    }
}

/// A cancelled order has no other end, and each service has undone what it had done, once, or has
/// seen to it that it never will be done.
pub(crate) fn check_undone(order_id: &str, story: &[&Envelope], dice: &Dice) {
    let happened = |kind: &str| story.iter().any(|event| event.event_type == kind);
    let one_of = |kinds: &[&str]| {
        let ends: Vec<_> = kinds.iter().filter(|kind| happened(kind)).collect();
        assert_eq!(ends.len(), 1, "{order_id}: {ends:?} of {kinds:?}");
    };
    one_of(&["OrderFulfilled", "OrderFailed", "OrderCancelled"]);
    one_of(&["InventoryReserveFailed", "InventoryReleased"]);
    one_of(&["PaymentFailed", "PaymentRefunded", "PaymentCancelled"]);
    one_of(&["ShipmentFailed", "ShipmentCancelled"]);
    for (done, undone) in [
        ("InventoryReserved", "InventoryReleased"),
        ("PaymentCompleted", "PaymentRefunded"),
        ("OrderShipped", "ShipmentCancelled"),
    ] {
        assert!(!happened(done) || happened(undone), "{order_id}: {done}");
    }
    assert_eq!(happened("PaymentCompleted"), happened("PaymentRefunded"));
    let ways = [
        (
            AT_ONCE,
            !happened("InventoryReserved") && happened("InventoryReleased"),
        ),
        (REFUNDED, happened("PaymentRefunded")),
        (RECALLED, happened("OrderShipped")),
    ];
    for (way, _) in ways.into_iter().filter(|(_, went)| *went) {
        dice.count(way);
    }
}

/// What the partners' books say of charges and parcels that are in nobody's stream.
pub(crate) fn count_uncaught(dice: &Dice, voided: usize, caught: usize) {
    (0..voided).for_each(|_| dice.count(VOIDED));
    (0..caught).for_each(|_| dice.count(CAUGHT));
}
