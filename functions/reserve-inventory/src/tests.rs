//! All or none, once, and never more than there is.

use domain::events::StockReplenished;
use envelope::{CommandId, Timestamp};
use event_store::{Commit, Memory};
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Handler = ReserveInventory<Memory, ManualClock>;

async fn world(stock: &[(&str, u32)]) -> (Handler, Memory) {
    let store = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let handler = ReserveInventory::new(store.clone(), clock);
    for (product, quantity) in stock {
        let product_id = ProductId::new(*product);
        let replenish = StockReplenished {
            product_id,
            quantity: *quantity,
        };
        let cause = Cause::command(&CommandId::new(format!("in-{product}")).expect("valid"));
        let command = stock_item::Command::Replenish(replenish);
        handler
            .stock
            .execute(product, &cause, &command)
            .await
            .expect("new");
    }
    (handler, store)
}

fn placed(order_id: &str, items: &[(&str, u32)]) -> (Envelope, Cause) {
    let total: u32 = items.iter().map(|(_, quantity)| quantity).sum();
    let items: Vec<_> = items
        .iter()
        .map(|(product, quantity)| {
            json!({ "productId": product, "quantity": quantity, "unitPrice": { "amount": 1, "currency": "EUR" } })
        })
        .collect();
    let event: Envelope = serde_json::from_value(json!({
        "eventId": format!("evt-{order_id}"), "eventType": "OrderPlaced", "schemaVersion": 1,
        "timestamp": "2026-01-01T00:00:00Z", "aggregateType": "Order", "aggregateId": order_id, "version": 1,
        "data": { "orderId": order_id, "customerId": "cust-1", "items": items,
                  "total": { "amount": total, "currency": "EUR" },
                  "shippingAddress": { "line1": "x" }, "payment": { "method": "sandbox-approve" } },
        "metadata": { "correlationId": order_id },
    }))
    .expect("an envelope");
    let cause = Cause::reaction(&event, <Handler as React>::NAME).expect("short");
    (event, cause)
}

async fn left(handler: &Handler, product: &str) -> (u64, u64) {
    let folded = handler
        .stock
        .load(product, Consistency::Strong)
        .await
        .expect("memory");
    (folded.state.available, folded.state.reserved)
}

fn happened(store: &Memory, event_type: &str) -> Vec<Value> {
    let events = store
        .log_from(0)
        .iter()
        .flat_map(Commit::envelopes)
        .collect::<Vec<_>>();
    events
        .into_iter()
        .filter(|e| e.event_type == event_type)
        .map(|e| e.data)
        .collect()
}

#[tokio::test]
async fn all_products_of_an_order_are_reserved_and_a_second_delivery_changes_nothing() {
    let (handler, store) = world(&[("a", 5), ("b", 5)]).await;
    let (event, cause) = placed("ord-1", &[("a", 2), ("b", 1), ("a", 1)]);
    assert_eq!(
        handler.react(&event, &cause, 1).await.expect("enough"),
        Done::Handled
    );
    assert_eq!(
        handler.react(&event, &cause, 2).await.expect("known"),
        Done::Duplicate
    );
    assert_eq!(
        left(&handler, "a").await,
        (2, 3),
        "two lines of one product are one"
    );
    assert_eq!(left(&handler, "b").await, (4, 1));
    assert_eq!(happened(&store, "InventoryReserved").len(), 1);
}

#[tokio::test]
async fn when_one_product_is_short_nothing_is_reserved_and_the_reason_names_it() {
    let (handler, store) = world(&[("a", 5), ("b", 5)]).await;
    let (event, cause) = placed("ord-1", &[("a", 2), ("b", 6), ("none", 1)]);
    handler.react(&event, &cause, 1).await.expect("an answer");
    let failed = happened(&store, "InventoryReserveFailed");
    assert_eq!(
        failed[0]["reason"],
        "b: 6 wanted, 5 available; none: 1 wanted, 0 available"
    );
    assert_eq!(
        (left(&handler, "a").await, left(&handler, "b").await),
        ((5, 0), (5, 0))
    );
}

#[tokio::test]
async fn a_process_that_saw_less_stock_does_not_refuse_on_what_it_remembers() {
    let (handler, store) = world(&[("a", 1)]).await;
    assert_eq!(
        left(&handler, "a").await,
        (1, 0),
        "this process has seen one"
    );
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let elsewhere = Decider::<StockItem, _, _>::new(store.clone(), clock);
    let replenish = StockReplenished {
        product_id: ProductId::new("a"),
        quantity: 9,
    };
    let cause = Cause::command(&CommandId::new("more").expect("valid"));
    let command = stock_item::Command::Replenish(replenish);
    elsewhere
        .execute("a", &cause, &command)
        .await
        .expect("stored");
    let (event, cause) = placed("ord-1", &[("a", 10)]);
    handler.react(&event, &cause, 1).await.expect("enough");
    assert_eq!(left(&handler, "a").await, (0, 10));
}

#[tokio::test]
async fn orders_at_once_for_the_last_units_never_sell_them_twice() {
    let (handler, store) = world(&[("a", 3), ("b", 100)]).await;
    let orders: Vec<_> = (0..6)
        .map(|n| placed(&format!("ord-{n}"), &[("a", 1), ("b", 1)]))
        .collect();
    let attempts = orders.iter().map(|(event, cause)| {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let process = ReserveInventory::new(store.clone(), clock);
        async move { process.react(event, cause, 1).await }
    });
    for result in futures::future::join_all(attempts).await {
        result.expect("an answer within the attempts");
    }
    assert_eq!(left(&handler, "a").await, (0, 3));
    assert_eq!(left(&handler, "b").await, (97, 3));
    assert_eq!(happened(&store, "InventoryReserved").len(), 3);
    assert_eq!(happened(&store, "InventoryReserveFailed").len(), 3);
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_reserves_nothing_and_is_not_called_short() {
    for wanted in [2, 6] {
        let (handler, store) = world(&[("a", 5)]).await;
        let (event, cause) = placed("ord-1", &[("a", wanted)]);
        let cancel = reservation::Command::Cancel {
            order_id: domain::OrderId::new("ord-1"),
        };
        let cancelled = Cause::command(&CommandId::new("cancel-1").expect("valid"));
        let reservations = Decider::<Reservation, _, _>::new(store.clone(), handler.clock.clone());
        let executed = reservations.execute("ord-1", &cancelled, &cancel).await;
        executed.expect("open");
        let done = handler.react(&event, &cause, 1).await.expect("known");
        assert_eq!(done, Done::Duplicate);
        assert_eq!(left(&handler, "a").await, (5, 0));
        assert_eq!(store.log_from(0).len(), 2, "what came in, and the end");
    }
}
