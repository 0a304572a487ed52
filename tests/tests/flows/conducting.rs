//! Orders in both styles of workflow: services that react to each other, or a saga that commands them. Whatever an
//! order meets on its way, it ends the same, and nothing is kept of one that does not end well.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::listing::until;
use crate::outside::{Outside, PERSONAL};

pub(crate) const CHOREOGRAPHY: &str = "choreography";
pub(crate) const ORCHESTRATION: &str = "orchestration";

/// What an order meets on its way.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    method: &'static str,
    line: &'static str,
    product: &'static str,
    /// A word of the reason for which it fails; nothing if it ends well.
    fails: Option<&'static str>,
    /// What is done before it fails.
    reserved: bool,
    paid: bool,
}

const PLAIN: Kind = Kind {
    name: "plain",
    method: "sandbox-approve",
    line: PERSONAL,
    product: "prod-15",
    fails: None,
    reserved: true,
    paid: true,
};

pub(crate) const KINDS: [Kind; 5] = [
    PLAIN,
    Kind {
        name: "flaky",
        method: "sandbox-fail-1",
        ..PLAIN
    },
    Kind {
        name: "soldout",
        product: "prod-out",
        fails: Some("prod-out"),
        reserved: false,
        paid: false,
        ..PLAIN
    },
    Kind {
        name: "declined",
        method: "sandbox-decline",
        fails: Some("insufficient funds"),
        paid: false,
        ..PLAIN
    },
    Kind {
        name: "nowhere",
        line: "sandbox-undeliverable",
        fails: Some("no such address"),
        ..PLAIN
    },
];

/// Long enough in one step to be disturbed there.
pub(crate) const SLOW: Kind = Kind {
    name: "slow",
    method: "sandbox-slow-700",
    line: "sandbox-slow-500",
    ..PLAIN
};

/// An order that was told what it meets, and how it is to be carried.
pub(crate) struct Told {
    pub(crate) id: String,
    kind: Kind,
    style: &'static str,
}

impl Told {
    /// One order of each of these kinds in each style.
    pub(crate) fn all(flow: &str, kinds: &[Kind]) -> Vec<Self> {
        let styles = [CHOREOGRAPHY, ORCHESTRATION];
        let of = |style, kind: &Kind| Self {
            id: format!("{flow}-{style}-{}", kind.name),
            kind: *kind,
            style,
        };
        let kinds = kinds.iter();
        kinds
            .flat_map(|kind| styles.map(|style| of(style, kind)))
            .collect()
    }

    pub(crate) async fn send(&self, outside: &Outside<'_>) {
        let mut order = Outside::order(&self.id, self.kind.method, self.kind.product);
        order["data"]["workflow"] = json!(self.style);
        order["data"]["shippingAddress"]["line1"] = json!(self.kind.line);
        outside.put_inbound(&order).await;
    }

    fn is_conducted(&self) -> bool {
        self.style == ORCHESTRATION
    }

    /// The events behind which nothing comes any more.
    pub(crate) fn last(&self) -> Vec<&'static str> {
        let Kind { reserved, paid, .. } = self.kind;
        let last = match (self.is_conducted(), self.kind.fails.is_some()) {
            (true, false) => vec![("SagaCompleted", true)],
            (true, true) => vec![("SagaCompensated", true)],
            (false, false) => vec![("OrderFulfilled", true)],
            (false, true) => vec![
                ("OrderFailed", true),
                ("InventoryReleased", reserved),
                ("PaymentRefunded", paid),
            ],
        };
        let happens = last.into_iter().filter(|(_, happens)| *happens);
        happens.map(|(name, _)| name).collect()
    }

    /// Waits for its end and looks whether it is the right one: all done, or all undone, and each once.
    pub(crate) async fn ends_right(&self, outside: &Outside<'_>) {
        let Kind { reserved, paid, .. } = self.kind;
        let (fails, conducted) = (self.kind.fails.is_some(), self.is_conducted());
        let status = match (fails, conducted) {
            (true, _) => "FAILED",
            (false, true) => "COMPLETED",
            (false, false) => "SHIPPED",
        };
        let view = outside.wait_for(&self.id, status).await;
        let reason = view["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(self.kind.fails.unwrap_or("")), "{view}");
        let story = outside.story_with(&self.id, &self.last()).await;
        for (kind, happens) in [
            ("OrderPlaced", true),
            ("InventoryReserved", reserved),
            ("InventoryReserveFailed", !reserved),
            ("PaymentCompleted", paid),
            ("PaymentFailed", reserved && !paid),
            ("OrderShipped", !fails),
            ("ShipmentFailed", fails && paid),
            ("PaymentRefunded", fails && paid),
            ("InventoryReleased", fails && reserved),
            ("OrderFulfilled", !fails && !conducted),
            ("OrderCompleted", !fails && conducted),
            ("OrderFailed", fails),
            ("SagaStarted", conducted),
            ("ReserveInventory", conducted),
            ("ShipOrder", conducted && paid),
        ] {
            let of_kind = story.iter().filter(|event| event.event_type == kind);
            assert_eq!(
                of_kind.count(),
                usize::from(happens),
                "{kind} of {}",
                self.id
            );
        }
        let held = outside.held(&self.id, self.kind.product).await;
        assert_eq!(held, i64::from(!fails), "units held for {}", self.id);
        let state = if fails { "failed" } else { "completed" };
        let path = format!("/orders/{}/workflow", self.id);
        let workflow = until(outside, &path, |body| body["state"] == state).await;
        assert_eq!(workflow["style"], self.style, "{workflow}");
    }
}

pub(crate) async fn orders_in_both_styles_end_right(outside: &Outside<'_>) {
    let orders = Told::all("flow-style", &KINDS);
    join_all(orders.iter().map(|order| order.send(outside))).await;
    join_all(orders.iter().map(|order| order.ends_right(outside))).await;
}

pub(crate) async fn an_orchestrated_order_is_cancelled_on_its_way_and_undone(
    outside: &Outside<'_>,
) {
    let api = outside.customer("cust-45");
    let order = json!({
        "items": [{ "productId": "prod-16", "quantity": 2, "unitPrice": { "amount": 700, "currency": "EUR" } }],
        "shippingAddress": { "line1": PERSONAL }, "payment": { "method": "sandbox-slow-4000" },
        "workflow": ORCHESTRATION,
    });
    let placed = api.post("/orders", &[], &order).await;
    assert_eq!(placed.status, 202, "{}", placed.body);
    let id = placed.body["orderId"].as_str().expect("an id");
    // The provider takes its time from here on.
    outside.story_with(id, &["ChargePayment"]).await;
    let why = json!({ "reason": "found it cheaper" });
    let cancellation = format!("/orders/{id}/cancellation");
    let cancelled = api.post(&cancellation, &[], &why).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.body);
    outside.wait_for(id, "CANCELLED").await;
    let story = outside.story_with(id, &["SagaCompensated"]).await;
    let count = |kind: &str| {
        let of_kind = story.iter().filter(|event| event.event_type == kind);
        of_kind.count()
    };
    // Whether the provider was faster or not: no money is kept.
    assert_eq!(count("PaymentCompleted"), count("PaymentRefunded"));
    assert_eq!(count("PaymentRefunded") + count("PaymentCancelled"), 1);
    assert_eq!(count("InventoryReleased"), 1);
    assert_eq!(outside.held(id, "prod-16").await, 0);
    assert_eq!(
        count("OrderShipped") + count("OrderFailed"),
        0,
        "{story:#?}"
    );
    let path = format!("/orders/{id}/workflow");
    let workflow = until(outside, &path, |body| body["state"] == "cancelled").await;
    let undone: Vec<&Value> = workflow["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|step| step["state"] == "compensated")
        .map(|step| &step["name"])
        .collect();
    assert!(undone.contains(&&json!("reserve-inventory")), "{workflow}");
    assert_eq!(workflow["reason"], why["reason"], "{workflow}");
}
