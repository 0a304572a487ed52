//! Orders that a saga conducts, decided by the saga itself.

use domain::events::{InventoryReserved, OrderPlaced, PaymentCompleted, Workflow};
use domain::{OrderSaga, Payment, Reservation, Shipment, order, payment, reservation, shipment};
use envelope::Envelope;
use ports::Clock;
use saga::{Happening, Heard, What};

use super::history::{History, placed, read};

/// How an order with a saga ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conducted {
    /// It does not yet: the stock is asked for.
    Running,
    /// Everything is done.
    Completed,
    /// The card is declined, and the stock is released.
    Declined,
    /// Cancelled before the saga heard of it.
    Unbegun,
    /// Cancelled when it is paid; nobody says that the parcel is recalled.
    Stuck,
    /// The payment is answered when nobody waits for it any longer.
    Late,
}

impl Conducted {
    pub(super) const ALL: [Self; 6] = [
        Self::Running,
        Self::Completed,
        Self::Declined,
        Self::Unbegun,
        Self::Stuck,
        Self::Late,
    ];

    /// The id of the order that ends like this.
    pub(super) fn id(self) -> String {
        format!("saga-{self:?}").to_lowercase()
    }
}

impl History {
    async fn conduct(&mut self, id: &str, what: What) {
        let (now, seed) = (self.clock.now(), 500);
        let happening = Happening { what, now, seed };
        self.tell::<saga::Conducted<OrderSaga>>(id, happening).await;
    }

    async fn hear(&mut self, event: &Envelope) {
        let heard = What::Heard(Heard::of(event));
        self.conduct(&event.aggregate_id, heard).await;
    }

    pub(super) async fn conducted(&mut self, end: Conducted) {
        let id = &end.id();
        let placed = OrderPlaced {
            workflow: Some(Workflow::Orchestration),
            ..placed(id, "cust-s")
        };
        let cancel = || order::Command::Cancel {
            reason: Some("found it cheaper".to_owned()),
        };
        let heard = self
            .happen::<domain::Order>(id, order::Command::Place(placed.clone()))
            .await;
        if end == Conducted::Unbegun {
            let cancelled = self.happen::<domain::Order>(id, cancel()).await;
            self.hear(&cancelled).await;
        }
        self.hear(&heard).await;
        if matches!(end, Conducted::Running | Conducted::Unbegun) {
            return;
        }
        let reserve = reservation::Command::Reserve(placed.into());
        let reserved = self.happen::<Reservation>(id, reserve).await;
        self.hear(&reserved).await;
        let due = read::<InventoryReserved>(&reserved).into();
        if end == Conducted::Declined {
            let reason = "no money".to_owned();
            let decline = payment::Command::RecordDecline { due, reason };
            let declined = self.happen::<Payment>(id, decline).await;
            self.hear(&declined).await;
            return self.undo(id).await;
        }
        let charge = payment::Command::RecordCharge {
            due,
            provider_reference: format!("ref-{id}"),
        };
        if end == Conducted::Late {
            return self.charged_late(id, charge).await;
        }
        let paid = self.happen::<Payment>(id, charge).await;
        self.hear(&paid).await;
        if end == Conducted::Stuck {
            let cancelled = self.happen::<domain::Order>(id, cancel()).await;
            self.hear(&cancelled).await;
            return self.wait_in_vain(id, 40).await;
        }
        let tracking_number = format!("track-{id}");
        let pickup = shipment::Command::RecordPickup {
            order: read::<PaymentCompleted>(&paid).into(),
            tracking_number: tracking_number.clone(),
        };
        let shipped = self.happen::<Shipment>(id, pickup).await;
        self.hear(&shipped).await;
        let complete = order::Command::Complete { tracking_number };
        let completed = self.happen::<domain::Order>(id, complete).await;
        self.hear(&completed).await;
    }

    /// The stock is released, and the order fails.
    async fn undo(&mut self, id: &str) {
        let release = reservation::Command::Release;
        let released = self.happen::<Reservation>(id, release).await;
        self.hear(&released).await;
        let reason = "payment declined: no money".to_owned();
        let fail = order::Command::Fail { reason };
        let failed = self.happen::<domain::Order>(id, fail).await;
        self.hear(&failed).await;
    }

    /// Nobody answers until all is undone but the payment, of which the provider says nothing; a person sees to it,
    /// and then it was paid after all.
    async fn charged_late(&mut self, id: &str, charge: payment::Command) {
        self.wait_in_vain(id, 40).await;
        let seen_to = saga::Intervention::Resolve("charge-payment".to_owned());
        let seen_to = What::Intervention(seen_to, "asked the provider".to_owned());
        self.conduct(id, seen_to).await;
        self.undo(id).await;
        let paid = self.happen::<Payment>(id, charge).await;
        self.hear(&paid).await;
    }

    async fn wait_in_vain(&mut self, id: &str, looks: u32) {
        for _ in 0..looks {
            self.conduct(id, What::TimerFired(self.clock.now())).await;
        }
    }
}
