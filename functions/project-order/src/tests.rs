//! However events arrive, the view ends as the fold of the store.

use domain::events::OrderPlaced;
use domain::{
    Order, OrderId, OrderView, Payment, Reservation, Shipment, order, payment, reservation,
    shipment,
};
use envelope::{Aggregate, CommandId, Timestamp, Version};
use event_store::{Commit, Decider, Memory};
use ports::{ManualClock, MemoryViews};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_700_000_000_000))
}

async fn store<A: Aggregate>(store: &Memory, cause: &str, command: A::Command) {
    let decider = Decider::<A, _, _>::new(store.clone(), clock());
    let cause = Cause::command(&CommandId::new(cause).expect("valid"));
    decider
        .execute("ord-1", &cause, &command)
        .await
        .expect("accepted");
}

/// An order that was paid, refused by the carrier, and compensated: eight events in four streams.
async fn history() -> (Memory, Vec<Envelope>) {
    let memory = Memory::default();
    let placed: OrderPlaced = serde_json::from_value(json!({
        "orderId": "ord-1", "customerId": "cust-1",
        "items": [{ "productId": "p", "quantity": 1, "unitPrice": { "amount": 5, "currency": "EUR" } }],
        "total": { "amount": 5, "currency": "EUR" },
        "shippingAddress": { "line1": "x" }, "payment": { "method": "m" },
    }))
    .expect("an order");
    store::<Order>(&memory, "1", order::Command::Place(placed.clone())).await;
    store::<Reservation>(&memory, "2", reservation::Command::Reserve(placed)).await;
    let newest = |memory: &Memory| {
        memory
            .log_from(0)
            .last()
            .expect("some")
            .envelopes()
            .remove(0)
    };
    let due = newest(&memory).read().expect("InventoryReserved");
    let reference = || "ref".to_owned();
    store::<Payment>(
        &memory,
        "3",
        payment::Command::RecordCharge {
            due,
            provider_reference: reference(),
        },
    )
    .await;
    let paid = newest(&memory).read().expect("PaymentCompleted");
    let refused = shipment::Command::RecordRefusal {
        paid,
        reason: "no such address".into(),
    };
    store::<Shipment>(&memory, "4", refused).await;
    store::<Payment>(
        &memory,
        "5",
        payment::Command::RecordRefund {
            provider_reference: reference(),
        },
    )
    .await;
    store::<Reservation>(&memory, "6", reservation::Command::Release).await;
    store::<Order>(
        &memory,
        "7",
        order::Command::Fail {
            reason: "not deliverable".into(),
        },
    )
    .await;
    let events = memory
        .log_from(0)
        .iter()
        .flat_map(Commit::envelopes)
        .collect();
    (memory, events)
}

async fn deliver(memory: &Memory, views: &MemoryViews, event: &Envelope) -> Done {
    let handler = ProjectOrder::new(memory.clone(), views.clone(), clock());
    let cause = Cause::reaction(event, "project-order").expect("short");
    handler.react(event, &cause, 1).await.expect("folded")
}

async fn view(views: &MemoryViews) -> OrderView {
    let found = views
        .load("order#ord-1", Consistency::Strong)
        .await
        .expect("memory");
    found.expect("a view").view
}

proptest! {
    /// Shuffled, doubled, and with everything but the newest event of each stream lost.
    #[test]
    fn the_view_is_the_fold_of_the_store_for_any_delivery(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (memory, events) = history().await;
            let mut expected = OrderView::new(OrderId::new("ord-1"));
            for event in &events {
                expected.fold(event).expect("known");
            }
            let views = MemoryViews::default();
            for index in order {
                deliver(&memory, &views, index.get(&events)).await;
            }
            // The newest event of each stream comes at last, whatever else was lost.
            for kind in ["Shipment", "Payment", "Order", "Reservation"] {
                let newest = events.iter().rfind(|event| event.aggregate_type == kind).expect("one");
                deliver(&memory, &views, newest).await;
                assert_eq!(deliver(&memory, &views, newest).await, Done::Duplicate);
            }
            assert_eq!(view(&views).await, expected);
        });
    }
}

#[tokio::test]
async fn an_event_that_the_store_does_not_have_yet_is_tried_again() {
    let (memory, events) = history().await;
    let mut early = events[0].clone();
    early.version = Version::new(9);
    let handler = ProjectOrder::new(memory, MemoryViews::default(), clock());
    let cause = Cause::reaction(&early, "project-order").expect("short");
    let result = handler.react(&early, &cause, 1).await;
    assert!(matches!(result, Err(Failure::Transient(_))), "{result:?}");
}
