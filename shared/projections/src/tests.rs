//! However events arrive, each read model ends as the fold of the store.

mod conducted;
mod history;
mod workflow;

use std::collections::BTreeMap;

use envelope::{ATTEMPT, Envelope, StreamId};
use event_store::Memory;
use event_store::rebuild::{MemoryCheckpoints, Rebuild};
use ports::{Consistency, ManualClock, MemoryViews, Page, Total};
use projection_kit::{Projection, Projector, Rebuilt, list_rows, list_totals, load_row};
use proptest::prelude::*;
use proptest::sample::Index;
use reaction::ReactTogether;

use self::history::History;
use crate::workflow::StepState;
use crate::{CustomerOrders, Order, OrderStatus, ReadyOrders, Sales, Stock, Workflow};

/// Everything that can be asked of a read model.
#[derive(Debug, PartialEq)]
struct Content<V> {
    views: BTreeMap<String, V>,
    lists: BTreeMap<String, Vec<V>>,
    totals: BTreeMap<String, Vec<Total>>,
}

/// What the store says that it should be, folded by hand.
fn expected<P: Projection>(events: &[Envelope]) -> Content<P::View> {
    let mut views = BTreeMap::new();
    for event in events {
        let stream = event.stream().expect("a stream");
        if let Some(id) = P::view_of(&stream) {
            let view = views.entry(id.to_owned()).or_insert_with(|| P::new(id));
            P::fold(view, event).expect("known");
        }
    }
    let mut lists = BTreeMap::<_, Vec<_>>::new();
    let mut totals = BTreeMap::<_, BTreeMap<_, BTreeMap<_, i64>>>::new();
    for view in views.values() {
        if let Some(place) = P::place(view) {
            let list = lists.entry(place.list).or_default();
            list.push((place.place, view.clone()));
        }
        for amounts in P::amounts(view) {
            let total = totals.entry(amounts.list).or_default();
            let total = total.entry(amounts.place).or_default();
            for (name, amount) in amounts.amounts {
                *total.entry(name).or_default() += amount;
            }
        }
    }
    let sorted = |mut list: Vec<(String, P::View)>| {
        list.sort_by(|a, b| a.0.cmp(&b.0));
        list.into_iter().map(|(_, view)| view).collect()
    };
    let listed = |totals: BTreeMap<String, BTreeMap<String, i64>>| {
        let total = |(place, amounts)| Total { place, amounts };
        totals.into_iter().map(total).collect()
    };
    Content {
        lists: lists
            .into_iter()
            .map(|(name, list)| (name, sorted(list)))
            .collect(),
        totals: totals
            .into_iter()
            .map(|(name, list)| (name, listed(list)))
            .collect(),
        views,
    }
}

/// The same as it is in the views, looked up one by one and page by page.
async fn content<P: Projection>(views: &MemoryViews, like: &Content<P::View>) -> Content<P::View> {
    let mut found = Content {
        views: BTreeMap::new(),
        lists: BTreeMap::new(),
        totals: BTreeMap::new(),
    };
    for id in like.views.keys() {
        let row = load_row::<P, _>(views, id, Consistency::Strong).await;
        if let Some(row) = row.expect("memory") {
            found.views.insert(id.clone(), row.view);
        }
    }
    for name in like.lists.keys() {
        let (mut after, mut entries) = (None, Vec::new());
        loop {
            let page = Page {
                after: after.as_ref(),
                ..Page::of(name, 2)
            };
            let listing = list_rows::<P, _>(views, page).await.expect("memory");
            entries.extend(listing.entries.into_iter().map(|row| row.view));
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        found.lists.insert(name.clone(), entries);
    }
    for name in like.totals.keys() {
        let totals = list_totals::<P, _>(views, name).await;
        found.totals.insert(name.clone(), totals.expect("memory"));
    }
    found
}

/// Delivers events in batches, as the host does: those of one view together.
async fn deliver<P: Projection>(
    projector: &Projector<P, Memory, MemoryViews, ManualClock>,
    batch: &[Envelope],
) {
    let mut groups = BTreeMap::<_, Vec<Envelope>>::new();
    for event in batch {
        if let Some(key) = projector.key(event) {
            groups.entry(key).or_default().push(event.clone());
        }
    }
    for events in groups.values() {
        for answer in projector.react(events).await {
            answer.expect("folded");
        }
    }
}

async fn ends_as_the_fold_of_the_store<P: Projection>(history: &History, batches: &[Vec<Index>]) {
    let events = history.events();
    let views = MemoryViews::default();
    let projector =
        Projector::<P, _, _, _>::new(history.memory.clone(), views.clone(), history.clock.clone());
    for batch in batches {
        let batch: Vec<_> = batch
            .iter()
            .map(|index| index.get(&events).clone())
            .collect();
        deliver(&projector, &batch).await;
    }
    // The newest event of each stream comes at last, whatever else was lost.
    let mut newest = BTreeMap::<StreamId, &Envelope>::new();
    for event in &events {
        newest.insert(event.stream().expect("a stream"), event);
    }
    for event in newest.values() {
        deliver(&projector, std::slice::from_ref(*event)).await;
    }
    let expected = expected::<P>(&events);
    assert_eq!(content::<P>(&views, &expected).await, expected);

    // A rebuild makes the same, beside live events and without them.
    for views in [views, MemoryViews::default()] {
        let (clock, kept) = (history.clock.clone(), MemoryCheckpoints::default());
        let rebuild = Rebuild::new("all", history.memory.clone(), views.clone(), clock, kept);
        let rebuilt = rebuild.run::<Rebuilt<P>>(|_| {}).await.expect("rebuilt");
        assert_eq!(rebuilt.set_aside, []);
        assert_eq!(content::<P>(&views, &expected).await, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Shuffled, doubled, in any batches, and with anything but the newest event of each stream lost.
    #[test]
    fn every_read_model_is_the_fold_of_the_store_for_any_delivery(
        batches in prop::collection::vec(prop::collection::vec(any::<Index>(), 1..10), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let history = History::of_a_shop().await;
            ends_as_the_fold_of_the_store::<Order>(&history, &batches).await;
            ends_as_the_fold_of_the_store::<CustomerOrders>(&history, &batches).await;
            ends_as_the_fold_of_the_store::<ReadyOrders>(&history, &batches).await;
            ends_as_the_fold_of_the_store::<Stock>(&history, &batches).await;
            ends_as_the_fold_of_the_store::<Workflow>(&history, &batches).await;
            ends_as_the_fold_of_the_store::<Sales>(&history, &batches).await;
        });
    }
}

#[tokio::test]
async fn a_shop_can_be_asked_what_its_people_want_to_know() {
    let history = History::of_a_shop().await;
    let events = history.events();
    let orders = expected::<Order>(&events);
    let status = |id: &str| orders.views[id].story.status();
    let ends = ["ord-0", "ord-1", "ord-2", "ord-3", "ord-4", "ord-5"].map(status);
    use OrderStatus::{Cancelled, Failed, Paid, Placed, Shipped};
    assert_eq!(ends, [Placed, Failed, Failed, Paid, Shipped, Failed]);
    for id in ["ord-6", "ord-7", "ord-8", "ord-9", "ord-10"] {
        assert_eq!(status(id), Cancelled, "{id}");
        let reason = orders.views[id].reason.as_deref();
        assert_eq!(reason, Some("found it cheaper"));
    }
    let refused = &orders.views["ord-5"];
    let payment = refused.payment.as_ref().expect("paid");
    assert_eq!(payment.refunded, payment.paid);
    assert_eq!(refused.reason.as_deref(), Some("not deliverable"));

    let ids = |list: &[crate::customer_orders::View]| {
        let ids = list.iter().map(|view| view.order_id.clone());
        ids.collect::<Vec<_>>()
    };
    let customers = expected::<CustomerOrders>(&events).lists;
    assert_eq!(
        ids(&customers["cust-0"]),
        ["ord-0", "ord-2", "ord-4", "ord-6", "ord-8", "ord-10"]
    );

    let ready = expected::<ReadyOrders>(&events).lists;
    assert_eq!(ready.len(), 1);
    let ready = ready[crate::ready_orders::LIST].iter();
    let ready: Vec<_> = ready.map(|view| view.order_id.as_str()).collect();
    assert_eq!(ready, ["ord-3"], "a cancelled one waits for no carrier");

    let stock = &expected::<Stock>(&events).views["p-2"];
    assert_eq!((stock.available, stock.reserved), (7, 3));

    let mut events = events;
    let paid = |event: &&mut Envelope| {
        event.event_type == "PaymentCompleted" && event.aggregate_id == "ord-4"
    };
    let paid = events.iter_mut().find(paid).expect("it was paid");
    paid.metadata.extra.insert(ATTEMPT.to_owned(), 3.into());
    let workflows = expected::<Workflow>(&events);
    let steps = |id: &str| {
        let steps = workflows.views[id].steps();
        steps.iter().map(|step| step.state).collect::<Vec<_>>()
    };
    let attempts: Vec<_> = workflows.views["ord-4"]
        .steps()
        .iter()
        .map(|step| step.attempts)
        .collect();
    assert_eq!(attempts, [Some(1), Some(3), Some(1)]);
    assert_eq!(
        workflows.views["ord-0"].steps()[0].attempts,
        None,
        "it has not ended"
    );
    use StepState::{
        Compensated, Compensating, Done, Failed as Broken, InFlight, Skipped, Waiting,
    };
    assert_eq!(steps("ord-0"), [InFlight, Waiting, Waiting]);
    assert_eq!(steps("ord-1"), [Broken, Skipped, Skipped]);
    assert_eq!(steps("ord-2"), [Compensated, Broken, Skipped]);
    assert_eq!(steps("ord-3"), [Done, Done, InFlight]);
    assert_eq!(steps("ord-4"), [Done, Done, Done]);
    assert_eq!(steps("ord-5"), [Compensated, Compensated, Broken]);
    assert_eq!(steps("ord-6"), [Skipped, Skipped, Skipped]);
    assert_eq!(steps("ord-7"), [Compensated, Skipped, Skipped]);
    assert_eq!(steps("ord-8"), [Compensating, Compensating, InFlight]);
    assert_eq!(steps("ord-9"), [Compensated, Compensated, Compensated]);
    assert_eq!(steps("ord-10"), [InFlight, Waiting, Waiting]);
    let sum = |name: &str| {
        let totals = expected::<Sales>(&events).totals;
        let totals = totals.values().flatten();
        totals
            .filter_map(|total| total.amounts.get(name))
            .sum::<i64>()
    };
    assert_eq!((sum("orders"), sum("cancellations")), (17, 12));
    assert_eq!(sum("revenue:EUR"), 60, "eight were paid, two got it back");
}
