//! What must be true of a world at rest, whatever happened on the way.

use std::collections::{BTreeMap, BTreeSet};

use domain::{StockItem, stock_item};
use envelope::{Envelope, Timestamp};
use event_store::{Commit, Decider};
use ports::{Clock, Consistency};
use projection_kit::{Projection, list_totals};
use projections::{CustomerOrders, Order, ReadyOrders, Sales, Stock, Workflow, sales};

use crate::cancelling::count_uncaught;
use crate::conducted::gives_up;
use crate::stories::{check_story, ends_well};
use crate::traffic::{SCARCE, STOCK, Told};
use crate::world::{BEGAN, World};

impl World {
    pub(crate) async fn check(&self) {
        let log = self.store.log_from(0);
        let events: Vec<Envelope> = log.iter().flat_map(Commit::envelopes).collect();
        let cancelled = self.cancelled();
        let given_up = given_up(&cancelled, &events);
        for (order_id, (told, _)) in &self.orders {
            let names = [format!("placed-{order_id}"), format!("cancel-{order_id}-")];
            let of_order = |event: &&Envelope| {
                let story = event.metadata.correlation_id.as_str();
                names.iter().any(|name| story.starts_with(name))
            };
            let story: Vec<_> = events.iter().filter(of_order).collect();
            let cancelled = cancelled.contains(order_id.as_str());
            check_story(order_id, *told, cancelled, &story, &self.dice);
            self.check_view::<Order>(order_id, &events).await;
            self.check_view::<CustomerOrders>(order_id, &events).await;
            self.check_view::<ReadyOrders>(order_id, &events).await;
            self.check_view::<Workflow>(order_id, &events).await;
            let workflow = self.view::<Workflow>(order_id).await;
            assert!(!workflow.is_open(), "{order_id}: {workflow:?}");
            let ready = self.view::<ReadyOrders>(order_id).await;
            assert_eq!(ReadyOrders::place(&ready), None, "{order_id}");
        }
        let shipped: BTreeSet<&str> = events
            .iter()
            .filter(|event| ends_well(event))
            .map(|event| event.aggregate_id.as_str())
            .collect();
        self.check_scarce(&shipped, &given_up);
        self.check_money(&shipped, &given_up);
        self.check_parcels(&given_up, &events);
        self.check_stock(&events).await;
        self.check_sales(&shipped).await;
        for (product, _) in STOCK {
            self.check_view::<Stock>(product, &events).await;
        }
        self.check_dead_letters();
        self.check_notices(&cancelled, &events);
    }

    /// The last units are all sold, unless somebody had one set aside and cancelled.
    fn check_scarce(&self, shipped: &BTreeSet<&str>, cancelled: &BTreeSet<&str>) {
        let scarce = |orders: &BTreeSet<&str>| {
            let told = |order: &&&str| self.orders[**order].0 == Told::Scarce;
            orders.iter().filter(told).count() as u64
        };
        let units = STOCK.iter().find(|(product, _)| *product == SCARCE);
        let (units, sold) = (units.expect("it is there").1, scarce(shipped));
        assert!(sold <= units && sold + scarce(cancelled) >= units, "{sold}");
    }

    /// What the provider has in its books: each order was charged under one key or not at all, and
    /// the money of every order that was not shipped went back, once.
    fn check_money(&self, shipped: &BTreeSet<&str>, cancelled: &BTreeSet<&str>) {
        let books = self.ledger.books();
        for (order_id, (told, total)) in &self.orders {
            let charges: Vec<_> = books.charges.values().filter(|c| c.0 == *total).collect();
            let refunds: Vec<_> = books.refunds.values().filter(|r| r.0 == *total).collect();
            let voided = books.voids.values().filter(|v| *v == total).count();
            if cancelled.contains(order_id.as_str()) {
                assert!(charges.len() <= 1, "{order_id}: {charges:?}");
                assert_eq!(refunds.len() + voided, charges.len(), "{order_id}");
            } else {
                let returned = *told == Told::Undeliverable;
                let paid = shipped.contains(order_id.as_str()) || returned;
                let is = (charges.len(), refunds.len(), voided);
                let should = (usize::from(paid), usize::from(returned), 0);
                assert_eq!(is, should, "{order_id}: charged, refunded, voided");
            }
            for (_, charge) in refunds {
                assert_eq!(
                    *charge, charges[0].1,
                    "{order_id}: the charge that is refunded"
                );
            }
        }
        let charged: i64 = books.charges.values().map(|(amount, _)| amount).sum();
        let refunded: i64 = books.refunds.values().map(|(amount, _)| amount).sum();
        let sold: i64 = shipped
            .iter()
            .map(|order_id| self.orders[*order_id].1)
            .sum();
        let voided: i64 = books.voids.values().sum();
        assert_eq!(charged - refunded - voided, sold, "money is conserved");
        count_uncaught(&self.dice, books.voids.len(), 0);
    }

    /// One parcel for each order that was shipped, and its number is the one that we know. Of the
    /// orders that were cancelled all parcels were recalled, also those that nobody recorded, and of
    /// the others none.
    fn check_parcels(&self, cancelled: &BTreeSet<&str>, events: &[Envelope]) {
        let books = self.ledger.books();
        let taken: BTreeSet<_> = books.parcels.values().cloned().collect();
        assert_eq!(taken.len(), books.parcels.len());
        let known: BTreeSet<_> = events
            .iter()
            .filter(|event| event.event_type == "OrderShipped")
            .map(|event| {
                let number = event.data["trackingNumber"].as_str().expect("a number");
                (event.aggregate_id.clone(), number.to_owned())
            })
            .collect();
        assert!(known.is_subset(&taken), "{known:?}, {taken:?}");
        for parcel in &taken {
            let (order_id, recalled) = (parcel.0.as_str(), books.recalls.contains(&parcel.0));
            assert_eq!(cancelled.contains(order_id), recalled, "{order_id}");
            assert!(recalled || known.contains(parcel), "{order_id}");
        }
        count_uncaught(&self.dice, 0, taken.len() - known.len());
    }

    /// Each view is the fold of the store, however its events came.
    async fn check_view<P: Projection>(&self, id: &str, events: &[Envelope]) {
        let mut expected = P::new(id);
        for event in events {
            let stream = event.stream().expect("a stream");
            if P::view_of(&stream) == Some(id) {
                let folded = P::fold(&mut expected, event);
                folded.expect("the read model knows every event of its streams");
            }
        }
        assert_eq!(self.view::<P>(id).await, expected, "{id}");
    }

    /// The totals are those of the books: every order counted once, all that was taken and given back.
    async fn check_sales(&self, shipped: &BTreeSet<&str>) {
        let mut totals = Vec::new();
        for day in (BEGAN..=self.clock.now().as_millis()).step_by(86_400_000) {
            let day = sales::day(Timestamp::from_millis(day));
            let of_day = list_totals::<Sales, _>(&self.views, &day).await;
            totals.extend(of_day.expect("memory"));
        }
        let sum = |name: &str| {
            let amounts = totals.iter().filter_map(|total| total.amounts.get(name));
            amounts.sum::<i64>()
        };
        let orders = self.orders.len() as i64;
        assert_eq!(sum("orders"), orders);
        assert_eq!(sum("cancellations"), orders - shipped.len() as i64);
        let sold: i64 = shipped.iter().map(|id| self.orders[*id].1).sum();
        assert_eq!(sum("revenue:EUR"), sold);
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
        for (product, units) in STOCK {
            let folded = stock
                .load(product, Consistency::Strong)
                .await
                .expect("memory");
            let reserved = sold.get(product).copied().unwrap_or(0);
            let expected = stock_item::State {
                available: units - reserved,
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

    /// Two messages to every customer on each channel: that the order came, and how it ended. One more
    /// if it was given up after it was shipped.
    fn check_notices(&self, cancelled: &BTreeSet<&str>, events: &[Envelope]) {
        let (mails, texts) = (self.notices.emails(), self.notices.texts());
        for order_id in self.orders.keys() {
            let mut subjects: Vec<_> = mails
                .iter()
                .filter(|mail| mail.subject.contains(order_id))
                .map(|mail| &mail.subject)
                .collect();
            subjects.sort();
            subjects.dedup();
            let is_cancelled = cancelled.contains(order_id.as_str());
            let shipped = events
                .iter()
                .any(|e| e.event_type == "OrderShipped" && e.aggregate_id == *order_id);
            let well = events
                .iter()
                .any(|e| ends_well(e) && e.aggregate_id == *order_id);
            let expected = 2 + usize::from(shipped && !well);
            assert_eq!(subjects.len(), expected, "{subjects:?}");
            let told = subjects
                .iter()
                .any(|subject| subject.contains("is cancelled"));
            assert_eq!(told, is_cancelled, "{subjects:?}");
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

/// The orders that were called off on their way: by customers, or by a saga that nobody answered in time.
fn given_up<'a>(cancelled: &BTreeSet<&'a str>, events: &'a [Envelope]) -> BTreeSet<&'a str> {
    let unanswered = events.iter().filter(|event| gives_up(event));
    let unanswered = unanswered.map(|event| event.aggregate_id.as_str());
    unanswered.chain(cancelled.iter().copied()).collect()
}
