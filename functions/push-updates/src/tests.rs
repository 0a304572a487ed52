//! Pushes with faults: connections that are gone, a service that does not answer, views of any kind.

mod hanging;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_dynamodb::record_of_view;
use envelope::Timestamp;
use ports::{KeepConnections, ManualClock, MemoryConnections, MemoryFrames, Revision};
use push::FRAME_BYTES_MAX;
use serde_json::json;

use super::*;

struct World {
    push: PushUpdates<MemoryConnections, MemoryFrames, ManualClock>,
    connections: MemoryConnections,
    frames: MemoryFrames,
    clock: ManualClock,
}

fn world() -> World {
    let (connections, frames) = (MemoryConnections::default(), MemoryFrames::default());
    let clock = ManualClock::at(Timestamp::from_millis(0));
    World {
        push: PushUpdates::new(connections.clone(), frames.clone(), clock.clone()),
        connections,
        frames,
        clock,
    }
}

fn row(order_id: &str, customer: Option<&str>, versions: &Value, reason: &str) -> Value {
    let mut row = json!({ "versions": versions, "view": {
        "orderId": order_id, "items": [], "story": { "OrderPlaced": "2026-11-21T10:00:00Z" },
    }});
    if let Some(customer) = customer {
        row["view"]["customerId"] = json!(customer);
    }
    if !reason.is_empty() {
        row["view"]["reason"] = json!(reason);
    }
    row
}

fn record(key: &str, body: &str, sequence_number: usize) -> Value {
    let view = SavedView { key, body };
    record_of_view(&view, Revision(2), &sequence_number.to_string())
}

/// An order of `cust-1` at a revision, as the record with that number.
fn saved(order_id: &str, revision: usize, sequence_number: usize) -> Value {
    let row = row(order_id, Some("cust-1"), &json!({ "Order": revision }), "");
    record(
        &format!("order@1#{order_id}"),
        &row.to_string(),
        sequence_number,
    )
}

fn refusing(soon: Soon) -> SendError {
    Unavailable::new("test", "no").again(soon).into()
}

impl World {
    async fn connect(&self, id: &str, topics: &[&str]) {
        let until = Timestamp::from_millis(1);
        let opened = self.connections.open(id, "operator", until).await;
        opened.expect("opened");
        for topic in topics {
            let subscribed = self.connections.subscribe(id, topic, until, 20).await;
            subscribed.expect("subscribed");
        }
    }

    /// The number of the record from which the batch is to be delivered again.
    async fn deliver(&self, records: &[Value]) -> Option<String> {
        let answer = self.push.handle(json!({ "Records": records }), true).await;
        let answer = answer.expect("a partial answer");
        let failures = answer["batchItemFailures"].as_array().expect("a list");
        assert!(failures.len() <= 1);
        let first = failures.first()?;
        Some(first["itemIdentifier"].as_str().expect("text").to_owned())
    }

    fn revisions(&self, id: &str) -> Vec<(String, u64)> {
        let frames = self.frames.take(id);
        let read = |text: &String| -> Value { serde_json::from_str(text).expect("JSON") };
        let frames = frames.iter().map(read);
        let revision = |frame: Value| {
            assert_eq!(frame["type"], "order");
            let id = frame["orderId"].as_str().expect("an id").to_owned();
            (id, frame["revision"].as_u64().expect("a number"))
        };
        frames.map(revision).collect()
    }
}

fn got(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
}

#[tokio::test]
async fn whoever_subscribed_to_an_order_or_to_its_customer_gets_its_newest_state_once() {
    let world = world();
    world.connect("of-order", &["order#o1"]).await;
    world.connect("of-customer", &["customer#cust-1"]).await;
    world
        .connect("of-both", &["order#o1", "customer#cust-1"])
        .await;
    world
        .connect("of-others", &["order#o3", "customer#cust-2"])
        .await;
    world.connect("of-nothing", &[]).await;
    let records = [saved("o1", 1, 0), saved("o2", 1, 1), saved("o1", 2, 2)];
    assert_eq!(world.deliver(&records).await, None);
    assert_eq!(world.revisions("of-order"), got(&[("o1", 2)]));
    for id in ["of-customer", "of-both"] {
        let mut revisions = world.revisions(id);
        revisions.sort();
        assert_eq!(revisions, got(&[("o1", 2), ("o2", 1)]), "{id}");
    }
    for id in ["of-others", "of-nothing"] {
        assert_eq!(world.revisions(id), got(&[]), "{id}");
    }
}

#[tokio::test]
async fn a_message_has_the_order_as_a_query_shows_it_and_the_sum_of_its_versions() {
    let world = world();
    world.connect("c", &["order#o1"]).await;
    let versions = json!({ "Order": 2, "Payment": 1, "Reservation": 4 });
    let body = row("o1", None, &versions, "declined");
    let record = record("order@1#o1", &body.to_string(), 0);
    assert_eq!(world.deliver(&[record]).await, None);
    let frame: Value = serde_json::from_str(&world.frames.take("c")[0]).expect("JSON");
    let row: Row<order::View> = serde_json::from_value(body).expect("a row");
    let expected =
        json!({ "type": "order", "orderId": "o1", "revision": 7, "order": order::whole(&row) });
    assert_eq!(frame, expected);
}

#[tokio::test]
async fn an_order_that_is_too_large_for_a_frame_becomes_a_pointer() {
    let world = world();
    world.connect("c", &["order#o1"]).await;
    let body = row(
        "o1",
        None,
        &json!({ "Order": 3 }),
        &"x".repeat(FRAME_BYTES_MAX),
    );
    let record = record("order@1#o1", &body.to_string(), 0);
    assert_eq!(world.deliver(&[record]).await, None);
    let text = &world.frames.take("c")[0];
    assert!(text.len() < 200, "{}", text.len());
    let frame: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(frame["_links"]["self"]["href"], "/orders/o1");
    assert_eq!(frame.get("order"), None);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_and_the_others_get_theirs() {
    let world = world();
    world
        .connect("gone", &["order#o1", "customer#cust-1"])
        .await;
    world.connect("here", &["order#o1"]).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    world.frames.fail_with(move |id| {
        (id == "gone").then(|| {
            counted.fetch_add(1, Ordering::SeqCst);
            SendError::Gone
        })
    });
    for revision in [1, 2] {
        let records = [saved("o1", revision, 0)];
        assert_eq!(world.deliver(&records).await, None, "nothing to try again");
    }
    assert_eq!(world.revisions("here"), got(&[("o1", 1), ("o1", 2)]));
    assert_eq!(world.connections.ids(), ["here"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "and never asked again");
}

#[tokio::test]
async fn what_may_succeed_later_is_delivered_again_from_its_newest_state_and_the_others_do_not_wait()
 {
    for soon in [Soon::Throttled, Soon::Likely] {
        let world = world();
        world.connect("broken", &["order#o2"]).await;
        world.connect("here", &["customer#cust-1"]).await;
        world
            .frames
            .fail_with(move |id| (id == "broken").then(|| refusing(soon)));
        let records = [
            saved("o1", 1, 0),
            saved("o2", 1, 1),
            saved("o3", 1, 2),
            saved("o2", 2, 3),
        ];
        assert_eq!(world.deliver(&records).await.as_deref(), Some("3"));
        let mut reached = world.revisions("here");
        reached.sort();
        assert_eq!(reached, got(&[("o1", 1), ("o2", 2), ("o3", 1)]));
        assert_eq!(world.connections.ids(), ["broken", "here"]);
        world.frames.fail_with(|_| None);
        assert_eq!(world.deliver(&records[3..]).await, None);
        assert_eq!(world.revisions("broken"), got(&[("o2", 2)]));
    }
}

#[tokio::test]
async fn what_never_can_be_pushed_is_dropped_and_stops_nothing() {
    let world = world();
    world.connect("forbidden", &["customer#cust-1"]).await;
    world.connect("here", &["customer#cust-1"]).await;
    world
        .frames
        .fail_with(|id| (id == "forbidden").then(|| refusing(Soon::Unlikely)));
    let records = [
        record("order@1#broken", "{", 0),
        record("order@1#other", "{\"versions\":{}}", 1),
        saved("o1", 1, 2),
    ];
    assert_eq!(world.deliver(&records).await, None);
    assert_eq!(world.revisions("here"), got(&[("o1", 1)]));
}

#[tokio::test]
async fn subscribers_that_cannot_be_looked_up_are_looked_up_again() {
    let world = world();
    world.connect("here", &["order#o1"]).await;
    world.connections.be_unavailable(1);
    let records = [saved("o1", 1, 0)];
    assert_eq!(world.deliver(&records).await.as_deref(), Some("0"));
    assert_eq!(world.deliver(&records).await, None);
    assert_eq!(world.revisions("here"), got(&[("o1", 1)]));
}

#[tokio::test]
async fn so_many_connections_of_an_order_and_of_a_customer_are_told_and_no_more() {
    let world = world();
    for n in 0..SUBSCRIBERS_MAX + 20 {
        world
            .connect(&format!("c{n:03}"), &["customer#cust-1"])
            .await;
        world.connect(&format!("o{n:03}"), &["order#o1"]).await;
    }
    let records = [saved("o1", 1, 0), saved("o2", 1, 1)];
    for _ in 0..2 {
        assert_eq!(world.deliver(&records).await, None);
        for n in 0..SUBSCRIBERS_MAX + 20 {
            let told = usize::from(n < SUBSCRIBERS_MAX);
            let customers = world.revisions(&format!("c{n:03}"));
            assert_eq!(customers.len(), 2 * told, "{n}");
            assert_eq!(world.revisions(&format!("o{n:03}")).len(), told, "{n}");
        }
    }
}

#[tokio::test]
async fn a_connection_whose_end_is_past_is_told_nothing() {
    let world = world();
    world.connect("c", &["order#o1"]).await;
    world.clock.sleep(Duration::from_millis(1)).await;
    assert_eq!(world.deliver(&[saved("o1", 1, 0)]).await, None);
    assert_eq!(world.revisions("c"), got(&[]));
}

#[tokio::test]
async fn where_partial_answers_are_not_understood_the_whole_batch_fails() {
    let world = world();
    world.connect("broken", &["order#o1"]).await;
    world.frames.fail_with(|_| Some(refusing(Soon::Likely)));
    let records = json!({ "Records": [saved("o1", 1, 0)] });
    assert!(world.push.handle(records.clone(), false).await.is_err());
    world.frames.fail_with(|_| None);
    let answer = world.push.handle(records, false).await.expect("pushed");
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn records_of_anything_but_orders_of_this_layout_are_passed_over() {
    let world = world();
    world.connect("c", &["order#o1", "customer#cust-1"]).await;
    let body = row("o1", Some("cust-1"), &json!({ "Order": 1 }), "").to_string();
    let removed =
        json!({ "eventName": "REMOVE", "dynamodb": { "Keys": { "k": { "S": "order@1#o1" } } } });
    let records = [
        record("customer-orders@1#o1", &body, 0),
        record("order@9#o1", &body, 1),
        record("orders", &body, 2),
        removed,
        json!({}),
    ];
    assert_eq!(world.deliver(&records).await, None);
    assert_eq!(world.revisions("c"), got(&[]));
    assert_eq!(world.deliver(&[]).await, None);
}

#[tokio::test]
async fn it_begins_nothing_that_it_could_not_answer_for_in_time() {
    let world = world();
    world.connect("c", &["order#o1"]).await;
    let deadline = Deadline::at(Timestamp::from_millis(1_000));
    let failed = deadline.around(world.deliver(&[saved("o1", 1, 0)])).await;
    assert_eq!(failed.as_deref(), Some("0"));
    assert_eq!(world.revisions("c"), got(&[]));
}
