//! The same orders under the same faults, once in each style: they end the same.

use std::collections::BTreeMap;

use domain::events::Workflow as Style;
use event_store::Commit;

use crate::traffic::Told;
use crate::world::World;
use crate::{Named, block_on};

/// How an order ended, as far as anybody outside can tell.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    well: bool,
    cancelled: bool,
    reason: Option<String>,
    /// What was taken and not given back.
    kept: i64,
    held: i64,
    told: Vec<String>,
}

/// The price of the first of two orders that are cancelled as soon as they are taken.
const CANCELLED: i64 = 1_008;

const TOLD: [Told; 10] = [
    Told::Ship,
    Told::Decline,
    Told::OutOfStock,
    Told::Undeliverable,
    Told::FlakyPayment,
    Told::FlakyCarrier,
    Told::Decline,
    Told::Ship,
    Told::Ship,
    Told::Undeliverable,
];

#[test]
fn an_order_ends_the_same_in_both_styles() {
    for seed in crate::seeds(30) {
        let _named = Named(seed);
        let [one, other] = [Style::Choreography, Style::Orchestration]
            .map(|style| block_on(outcomes(seed, style)));
        assert_eq!(one, other);
    }
}

async fn outcomes(seed: u64, style: Style) -> BTreeMap<String, Outcome> {
    let mut world = World::new(seed);
    world.haste = None;
    world.send_stock();
    world.send_registration();
    world.run_to_rest().await;
    for (price, told) in (1_000..).zip(TOLD) {
        world.send_order(told, price, Some(style));
    }
    world.work_off("accept-event").await;
    for price in [CANCELLED, CANCELLED + 1] {
        world.cancel_at_once(&format!("ord-{price}")).await;
    }
    world.run_to_rest().await;
    let log = world.store.log_from(0);
    let events: Vec<_> = log.iter().flat_map(Commit::envelopes).collect();
    let books = world.ledger.books();
    let outcome = |order_id: &String, total: i64| {
        let of_order = |kind: &str| {
            let of_kind = events.iter().filter(move |event| event.event_type == kind);
            of_kind
                .filter(|event| event.data["orderId"] == **order_id)
                .collect::<Vec<_>>()
        };
        let units = |kind: &str| {
            let quantities = of_order(kind);
            quantities
                .iter()
                .filter_map(|event| event.data["quantity"].as_i64())
                .sum::<i64>()
        };
        let sum = |books: &BTreeMap<String, (i64, String)>| {
            books
                .values()
                .map(|(amount, _)| *amount)
                .filter(|amount| *amount == total)
                .sum::<i64>()
        };
        let voided = books.voids.values().filter(|amount| **amount == total);
        let voided: i64 = voided.sum();
        let cancelled = !of_order("OrderCancelled").is_empty();
        let failed = of_order("OrderFailed");
        let emails = world.notices.emails();
        let emails = emails
            .iter()
            .filter(|mail| mail.subject.contains(order_id.as_str()));
        let mut told: Vec<_> = emails.map(|mail| mail.subject.clone()).collect();
        told.sort();
        told.dedup();
        // A parcel may be on its way before the carrier hears that it is not wanted.
        told.retain(|told| !(cancelled && told.contains("on its way")));
        Outcome {
            well: !of_order("OrderFulfilled").is_empty() || !of_order("OrderCompleted").is_empty(),
            cancelled,
            reason: failed
                .first()
                .and_then(|event| event.data["reason"].as_str().map(str::to_owned)),
            kept: sum(&books.charges) - sum(&books.refunds) - voided,
            held: units("StockReserved") - units("StockReleased"),
            told,
        }
    };
    let orders = world.orders.iter();
    orders
        .map(|(order_id, (_, total))| (order_id.clone(), outcome(order_id, *total)))
        .collect()
}
