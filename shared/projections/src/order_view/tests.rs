//! A rebuild leaves what live events have made, and makes what is missing.

use domain::events::OrderPlaced;
use domain::order::Command;
use envelope::{Cause, CommandId, Timestamp};
use event_store::rebuild::{MemoryCheckpoints, Rebuild};
use event_store::{Decider, Memory, envelopes_from};
use ports::{ManualClock, MemoryViews};
use serde_json::json;

use super::*;

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(0))
}

/// Orders that were placed and have failed, and a stream that has nothing to do with them.
async fn history(orders: u32) -> Memory {
    let memory = Memory::default();
    let decider = Decider::<Order, _, _>::new(memory.clone(), clock());
    for number in 1..=orders {
        let id = format!("ord-{number}");
        let placed: OrderPlaced = serde_json::from_value(json!({
            "orderId": id, "customerId": "cust-1",
            "items": [{ "productId": "p", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }],
            "total": { "amount": 5, "currency": "EUR" },
            "shippingAddress": { "line1": "x" }, "payment": { "method": "m" },
        }))
        .expect("an order");
        let reason = "sold out".to_owned();
        for (step, command) in [Command::Place(placed), Command::Fail { reason }]
            .iter()
            .enumerate()
        {
            let cause = Cause::command(&CommandId::new(format!("{id}-{step}")).expect("an id"));
            decider
                .execute(&id, &cause, command)
                .await
                .expect("accepted");
        }
    }
    memory
}

fn order(id: &str) -> StreamId {
    Order::stream(id).expect("an id")
}

async fn view(views: &MemoryViews, id: &str) -> Option<(OrderView, Revision)> {
    let found = views.load(&OrderView::key(id), Consistency::Strong).await;
    found
        .expect("memory")
        .map(|found| (found.view, found.revision))
}

async fn events(memory: &Memory, id: &str) -> Vec<Envelope> {
    use event_store::Load;
    let all = Version::new(1);
    let commits = memory
        .read(&order(id), all, Version::MAX, Consistency::Strong)
        .await;
    envelopes_from(&commits.expect("readable"), all)
}

#[tokio::test]
async fn a_rebuild_makes_the_views_that_live_events_make() {
    let memory = history(9).await;
    let (live, rebuilt) = (MemoryViews::default(), MemoryViews::default());
    for number in 1..=9 {
        let id = format!("ord-{number}");
        for event in events(&memory, &id).await {
            let updated = update(&live, &order(&id), &[event], Consistency::Eventual).await;
            assert_eq!(updated.expect("the next one"), Update::Saved);
        }
    }
    let checkpoints = MemoryCheckpoints::default();
    let rebuild = Rebuild::new("order-view", memory, rebuilt.clone(), clock(), checkpoints);
    let report = rebuild
        .page(3)
        .run::<OrderViews>(|_| {})
        .await
        .expect("nothing is broken");
    assert_eq!((report.events, report.set_aside.len()), (18, 0));
    for number in 1..=9 {
        let id = format!("ord-{number}");
        let (made, kept) = (view(&rebuilt, &id).await, view(&live, &id).await);
        assert!(made.is_some());
        assert_eq!(made.map(|made| made.0), kept.map(|kept| kept.0));
    }
}

#[tokio::test]
async fn a_view_that_is_up_to_date_is_not_written_again() {
    let memory = history(1).await;
    let views = MemoryViews::default();
    let all = events(&memory, "ord-1").await;
    for expected in [Update::Saved, Update::Unchanged, Update::Unchanged] {
        let updated = update(&views, &order("ord-1"), &all, Consistency::Strong).await;
        assert_eq!(updated.expect("all of them"), expected);
    }
    let (_, revision) = view(&views, "ord-1").await.expect("a view");
    assert_eq!(revision, Revision(1));
}

#[tokio::test]
async fn a_hole_tells_how_far_the_view_goes_and_changes_nothing() {
    let memory = history(1).await;
    let views = MemoryViews::default();
    let all = events(&memory, "ord-1").await;
    let updated = update(&views, &order("ord-1"), &all[1..], Consistency::Strong).await;
    assert!(
        matches!(updated, Err(UpdateError::Hole { at: Version::ZERO })),
        "{updated:?}"
    );
    assert!(view(&views, "ord-1").await.is_none());
}

#[test]
fn orders_are_folded_from_the_four_streams_with_their_id() {
    let concerned = |kind: &str| OrderViews::concerns(&StreamId::new(kind, "1").expect("an id"));
    assert!(
        ["Order", "Reservation", "Payment", "Shipment"]
            .into_iter()
            .all(concerned)
    );
    assert!(!["Customer", "StockItem"].into_iter().any(concerned));
}
