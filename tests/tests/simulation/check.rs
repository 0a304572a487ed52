//! What must be true of a world at rest, whatever happened on the way.

use std::collections::BTreeMap;

use domain::{OrderStatus, OrderView, StockItem, stock_item};
use envelope::Envelope;
use event_store::{Commit, Decider};
use ports::Consistency;

use super::{PRODUCTS, STOCK, Told, World};

impl World {
    pub(crate) async fn check(&self) {
        let log = self.store.log_from(0);
        let events: Vec<Envelope> = log.iter().flat_map(Commit::envelopes).collect();
        for (order_id, told) in &self.orders {
            let story: Vec<_> = events
                .iter()
                .filter(|event| {
                    event.metadata.correlation_id.as_str() == format!("placed-{order_id}")
                })
                .collect();
            check_story(order_id, *told, &story);
            self.check_view(order_id, &story).await;
        }
        self.check_stock(&events).await;
        self.check_dead_letters();
        self.check_notices();
    }

    /// The view is the fold of the store, however its events came.
    async fn check_view(&self, order_id: &str, story: &[&Envelope]) {
        let mut expected = OrderView::new(domain::OrderId::new(order_id));
        for event in story
            .iter()
            .filter(|event| event.aggregate_type != "StockItem")
        {
            expected
                .fold(event)
                .expect("the view knows every event of an order");
        }
        assert_eq!(self.view(order_id).await, expected, "{order_id}");
    }

    /// Nothing is sold that is not there, and nothing is held for an order that failed.
    async fn check_stock(&self, events: &[Envelope]) {
        let stock = Decider::<StockItem, _, _>::new(self.store.clone(), self.clock.clone());
        let mut sold = BTreeMap::<&str, u64>::new();
        for event in events
            .iter()
            .filter(|event| event.event_type == "PaymentCompleted")
        {
            let refunded = events
                .iter()
                .any(|e| e.event_type == "PaymentRefunded" && e.aggregate_id == event.aggregate_id);
            let items = event.data["items"].as_array().expect("items");
            for item in items.iter().filter(|_| !refunded) {
                let product = item["productId"].as_str().expect("an id");
                *sold.entry(product).or_default() += item["quantity"].as_u64().expect("a number");
            }
        }
        for product in PRODUCTS {
            let folded = stock
                .load(product, Consistency::Strong)
                .await
                .expect("memory");
            let reserved = sold.get(product).copied().unwrap_or(0);
            let expected = stock_item::State {
                available: STOCK - reserved,
                reserved,
            };
            assert_eq!(folded.state, expected, "{product}");
        }
    }

    /// Each piece of rubbish is one dead letter with its reason, and nothing else is.
    fn check_dead_letters(&self) {
        let mut reasons: Vec<_> = self
            .letters
            .letters()
            .into_iter()
            .map(|letter| letter.reason)
            .collect();
        reasons.sort();
        reasons.dedup();
        assert_eq!(reasons.len(), 3, "{reasons:#?}");
        for expected in ["eventId", "not accepted from other systems", "seal"] {
            assert!(
                reasons.iter().any(|reason| reason.contains(expected)),
                "{expected}: {reasons:#?}"
            );
        }
    }

    /// Two messages to every customer on each channel: that the order came, and how it ended.
    fn check_notices(&self) {
        let (mails, texts) = (self.notices.emails(), self.notices.texts());
        for order_id in self.orders.keys() {
            let mut subjects: Vec<_> = mails
                .iter()
                .filter(|mail| mail.subject.contains(order_id))
                .map(|mail| &mail.subject)
                .collect();
            subjects.sort();
            subjects.dedup();
            assert_eq!(subjects.len(), 2, "{subjects:?}");
            assert!(
                texts
                    .iter()
                    .filter(|text| text.body.contains(order_id))
                    .count()
                    >= 2
            );
        }
    }
}

/// Every effect once, in the order of cause and effect, and the end that the order was told to have.
fn check_story(order_id: &str, told: Told, story: &[&Envelope]) {
    let count = |kind: &str| {
        story
            .iter()
            .filter(|event| event.event_type == kind)
            .count()
    };
    let happened: Vec<&str> = [
        "OrderPlaced",
        "InventoryReserved",
        "InventoryReserveFailed",
        "PaymentCompleted",
        "PaymentFailed",
        "OrderShipped",
        "ShipmentFailed",
        "PaymentRefunded",
        "InventoryReleased",
        "OrderFulfilled",
        "OrderFailed",
    ]
    .into_iter()
    .filter(|kind| count(kind) > 0)
    .collect();
    let expected: &[&str] = match told {
        Told::Ship | Told::FlakyPayment | Told::FlakyCarrier => &[
            "OrderPlaced",
            "InventoryReserved",
            "PaymentCompleted",
            "OrderShipped",
            "OrderFulfilled",
        ],
        Told::Decline => &[
            "OrderPlaced",
            "InventoryReserved",
            "PaymentFailed",
            "InventoryReleased",
            "OrderFailed",
        ],
        Told::OutOfStock => &["OrderPlaced", "InventoryReserveFailed", "OrderFailed"],
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
    assert!(
        happened.iter().all(|kind| count(kind) == 1),
        "{order_id}: an effect happened twice"
    );
    check_chain(order_id, story);
    let mut view = OrderView::new(domain::OrderId::new(order_id));
    for event in story
        .iter()
        .filter(|event| event.aggregate_type != "StockItem")
    {
        view.fold(event).expect("known");
    }
    let failed = view.status() == OrderStatus::Failed;
    assert_eq!(failed, happened.contains(&"OrderFailed"), "{order_id}");
    assert_eq!(!failed, view.status() == OrderStatus::Shipped, "{order_id}");
}

/// Every event but the first was caused by one that came before it in the same story.
fn check_chain(order_id: &str, story: &[&Envelope]) {
    for (index, event) in story.iter().enumerate() {
        let cause = event.metadata.causation_id.as_deref();
        match index {
            0 => assert_eq!(
                (event.event_type.as_str(), cause),
                ("OrderPlaced", None),
                "{order_id}"
            ),
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
