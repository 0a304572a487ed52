//! Handshakes, frames and closings over in-memory ports, with faults.

mod counted;
mod moving;
mod world;

use ports::{FindSubscribers, ManualClock, Soon};

use super::*;
use counted::Counted;
use moving::Moving;
use world::{customer, now, operator, tickets, world};

fn subscribe(name: &str, id: &str) -> Value {
    json!({ "action": "subscribe", name: id })
}

fn revisions(frames: &[Value]) -> Vec<(&str, u64)> {
    let orders = frames.iter().filter(|frame| frame["type"] == "order");
    let revision = |frame: &'_ Value| frame["revision"].as_u64().expect("a number");
    orders
        .map(|frame| (frame["orderId"].as_str().expect("an id"), revision(frame)))
        .collect()
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_ticket() {
    let world = world();
    let good = tickets().issue(&customer(), None, now()).text;
    let past = Timestamp::from_millis(now().as_millis() - 60_000);
    let expired = tickets().issue(&customer(), None, past).text;
    let forged = Tickets::new(b"other").issue(&customer(), None, now()).text;
    for bad in ["", "x", "a.b.c", &good[..good.len() - 1], &expired, &forged] {
        assert_eq!(world.knock("c", bad).await, 401, "{bad}");
    }
    for none in [json!({}), json!({ "queryStringParameters": null })] {
        assert_eq!(world.event("CONNECT", "c", &none).await, 401);
    }
    assert!(world.connections.ids().is_empty());
    assert_eq!(world.knock("c", &good).await, 200);
    let found = world.connections.find("c").await.expect("an answer");
    let found = found.expect("it is open");
    assert_eq!(found.caller, "customer:cust-1");
    assert_eq!(found.until.millis_since(now()), 7_200_000);
}

#[tokio::test]
async fn a_connection_that_cannot_be_written_down_is_not_accepted() {
    let world = world();
    let ticket = tickets().issue(&customer(), None, now()).text;
    world.connections.be_unavailable(1);
    assert_eq!(world.knock("c", &ticket).await, 503);
    assert_eq!(world.knock("c", &ticket).await, 200);
}

#[tokio::test]
async fn a_subscriber_of_an_order_is_told_how_it_is_unless_he_has_seen_it() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 5).await;
    world.connect("c", &customer()).await;
    let cases = [
        (json!({}), true),
        (json!({ "ord-1": 4 }), true),
        (json!({ "other": 9 }), true),
        (json!({ "ord-1": 5 }), false),
        (json!({ "ord-1": 6 }), false),
    ];
    for (seen, told) in cases {
        let frame = json!({ "action": "subscribe", "order": "ord-1", "seen": seen });
        let heard = world.say("c", &frame).await;
        assert_eq!(heard[0], json!({ "type": "subscribed", "order": "ord-1" }));
        let expected: &[_] = if told { &[("ord-1", 5)] } else { &[] };
        assert_eq!(revisions(&heard), expected, "{seen}");
        assert_eq!(heard.len(), 1 + expected.len());
    }
    assert_eq!(world.subscribers("order#ord-1").await, ["c"]);
}

#[tokio::test]
async fn a_subscriber_of_a_customer_is_told_of_the_newest_orders_and_of_what_he_saw_and_moved() {
    let world = world();
    for n in 10..35 {
        let customer = if n == 20 { "cust-2" } else { "cust-1" };
        world.project(&format!("ord-{n}"), Some(customer), n).await;
    }
    world.connect("c", &customer()).await;
    // The last four: it has not moved, it has, it is somebody else's, it does not exist.
    let seen = json!({
        "ord-34": 34, "ord-33": 32, "ord-32": 40,
        "ord-12": 12, "ord-11": 10, "ord-20": 1, "no-such": 1,
    });
    let frame = json!({ "action": "subscribe", "customer": "cust-1", "seen": seen });
    let heard = world.say("c", &frame).await;
    assert_eq!(
        heard[0],
        json!({ "type": "subscribed", "customer": "cust-1" })
    );
    let ids: Vec<_> = revisions(&heard).into_iter().map(|(_, n)| n).collect();
    // The newest twenty, without what was seen and without what is somebody else's.
    let newest = (14..34).rev().filter(|n| ![20, 32].contains(n));
    assert_eq!(ids, newest.chain([11]).collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_is_told_of_other_people_s_orders_by_saying_that_he_has_seen_them() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 2).await;
    world.project("ord-2", Some("cust-2"), 2).await;
    world.project("ord-3", None, 2).await;
    let seen = json!({ "ord-1": 1, "ord-2": 1, "ord-3": 1 });
    let frame = json!({ "action": "subscribe", "customer": "cust-1", "seen": seen });
    for caller in [customer(), operator()] {
        world.connect("c", &caller).await;
        let heard = world.say("c", &frame).await;
        assert_eq!(revisions(&heard), [("ord-1", 2)]);
    }
}

#[tokio::test]
async fn what_is_somebody_else_s_and_what_does_not_exist_get_the_very_same_answer() {
    let world = world();
    world.project("ord-2", Some("cust-2"), 5).await;
    world.take_order("ord-3", "cust-2").await;
    world.connect("c", &customer()).await;
    let mut answers = Vec::new();
    for id in ["ord-2", "ord-3", "no-such"] {
        let mut heard = world.say("c", &subscribe("order", id)).await;
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0]["order"].take(), id);
        answers.push(heard.remove(0));
        assert!(world.subscribers(&format!("order#{id}")).await.is_empty());
    }
    assert_eq!(answers[0]["title"], "No such order");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let heard = world.say("c", &subscribe("customer", "cust-2")).await;
    assert_eq!(heard[0]["title"], "No such customer");
    let heard = world.say("c", &subscribe("customer", "no-such")).await;
    assert_eq!(heard[0]["title"], "No such customer");
    assert!(world.subscribers("customer#cust-2").await.is_empty());
}

#[tokio::test]
async fn an_operator_hears_about_everything_that_there_is() {
    let world = world();
    world.project("ord-2", Some("cust-2"), 5).await;
    world.connect("c", &operator()).await;
    for (name, id) in [("order", "ord-2"), ("customer", "cust-2")] {
        let heard = world.say("c", &subscribe(name, id)).await;
        assert_eq!(heard[0]["type"], "subscribed");
        assert_eq!(revisions(&heard), [("ord-2", 5)]);
    }
    let heard = world.say("c", &subscribe("order", "no-such")).await;
    assert_eq!(heard[0]["title"], "No such order");
}

#[tokio::test]
async fn an_order_that_is_not_projected_yet_can_be_subscribed_to_by_who_placed_it() {
    let world = world();
    world.connect("c", &customer()).await;
    world.take_order("ord-1", "cust-1").await;
    let heard = world.say("c", &subscribe("order", "ord-1")).await;
    assert_eq!(heard, [json!({ "type": "subscribed", "order": "ord-1" })]);
    // A view that was begun by another stream does not know yet whose it is.
    world.take_order("ord-2", "cust-1").await;
    world.project("ord-2", None, 1).await;
    let heard = world.say("c", &subscribe("order", "ord-2")).await;
    assert_eq!(revisions(&heard), [("ord-2", 1)]);
}

#[tokio::test]
async fn what_is_saved_while_somebody_subscribes_does_not_fall_between() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 5).await;
    world.connect("c", &customer()).await;
    let moving = Moving {
        connections: world.connections.clone(),
        views: world.views.clone(),
        moves: ("order@1#ord-1", 6),
    };
    let socket = ServeSocket::new(
        moving,
        world.views.clone(),
        world.store.clone(),
        world.frames.clone(),
        tickets(),
        ManualClock::at(now()),
    );
    let event = json!({
        "requestContext": { "eventType": "MESSAGE", "connectionId": "c" },
        "body": subscribe("order", "ord-1").to_string(),
    });
    socket.handle(event).await.expect("JSON");
    assert_eq!(
        revisions(&world.heard("c")),
        [("ord-1", 6)],
        "as it was after subscribing"
    );
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions_until_it_ends_one() {
    let world = world();
    world.connect("c", &operator()).await;
    for n in 0..SUBSCRIPTIONS_MAX {
        let heard = world
            .say("c", &subscribe("customer", &format!("cust-{n}")))
            .await;
        assert_eq!(heard[0]["type"], "subscribed");
    }
    let one_more = subscribe("customer", "cust-x");
    let heard = world.say("c", &one_more).await;
    assert_eq!(heard[0]["title"], "Too many subscriptions");
    let heard = world.say("c", &subscribe("customer", "cust-0")).await;
    assert_eq!(
        heard[0]["type"], "subscribed",
        "what it has, it may have again"
    );
    for _ in 0..2 {
        let end = json!({ "action": "unsubscribe", "customer": "cust-0" });
        let heard = world.say("c", &end).await;
        assert_eq!(
            heard,
            [json!({ "type": "unsubscribed", "customer": "cust-0" })]
        );
    }
    assert!(world.subscribers("customer#cust-0").await.is_empty());
    assert_eq!(world.say("c", &one_more).await[0]["type"], "subscribed");
}

#[tokio::test]
async fn a_malformed_frame_is_answered_with_what_would_be_right() {
    let world = world();
    world.connect("c", &customer()).await;
    for body in [
        "",
        "{",
        "[1]",
        "\"x\"",
        "{\"action\":\"dance\"}",
        "\u{feff}",
    ] {
        let status = world.event("MESSAGE", "c", &json!({ "body": body })).await;
        assert_eq!(status, 200);
        let heard = world.heard("c");
        assert_eq!(heard.len(), 1, "{body}");
        assert_eq!(heard[0]["title"], "Malformed frame");
    }
    assert_eq!(world.event("MESSAGE", "c", &json!({})).await, 200);
    assert_eq!(world.heard("c").len(), 1);
}

#[tokio::test]
async fn nothing_is_left_of_a_connection_that_ended() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 1).await;
    world.connect("c", &customer()).await;
    world.say("c", &subscribe("order", "ord-1")).await;
    world.say("c", &subscribe("customer", "cust-1")).await;
    for _ in 0..2 {
        assert_eq!(world.event("DISCONNECT", "c", &json!({})).await, 200);
        assert!(world.connections.ids().is_empty());
        assert!(world.subscribers("order#ord-1").await.is_empty());
        assert!(world.subscribers("customer#cust-1").await.is_empty());
    }
    let heard = world.say("c", &subscribe("order", "ord-1")).await;
    assert_eq!(heard[0]["title"], "Not connected");
    assert!(world.subscribers("order#ord-1").await.is_empty());
}

#[tokio::test]
async fn a_connection_that_is_gone_when_it_is_answered_is_forgotten() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 1).await;
    for frame in [subscribe("order", "ord-1"), subscribe("order", "no-such")] {
        world.connect("c", &customer()).await;
        world.frames.fail_with(|_| Some(SendError::Gone));
        let more = json!({ "body": frame.to_string() });
        assert_eq!(world.event("MESSAGE", "c", &more).await, 200);
        assert!(world.connections.ids().is_empty());
        assert!(world.subscribers("order#ord-1").await.is_empty());
    }
}

#[tokio::test]
async fn what_does_not_answer_is_asked_again_and_then_the_client_is_told() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 1).await;
    world.connect("c", &customer()).await;
    let more = json!({ "body": subscribe("order", "ord-1").to_string() });
    // Without a deadline everything is asked once.
    world.connections.be_unavailable(1);
    assert_eq!(world.event("MESSAGE", "c", &more).await, 503);
    assert_eq!(world.heard("c")[0]["title"], "Try again");
    world.connections.be_unavailable(3);
    let deadline = Deadline::at(Timestamp::from_millis(now().as_millis() + 60_000));
    let status = deadline.around(world.event("MESSAGE", "c", &more)).await;
    assert_eq!(status, 200);
    assert_eq!(revisions(&world.heard("c")), [("ord-1", 1)]);
    // Nor does a service that takes no frames end in a crash.
    world.frames.fail_with(|_| {
        let error = Unavailable::new("test", "no");
        Some(error.again(Soon::Unlikely).into())
    });
    assert_eq!(world.event("MESSAGE", "c", &more).await, 503);
    assert_eq!(world.connections.ids(), ["c"]);
}

#[tokio::test]
async fn a_connection_ends_with_the_token_that_its_ticket_was_asked_for_with() {
    let world = world();
    world.project("ord-1", Some("cust-1"), 1).await;
    let after = |millis| Timestamp::from_millis(now().as_millis() + millis);
    for (end_ms, expected_ms) in [(30_000, 30_000), (7_200_001, 7_200_000)] {
        let end = Some(after(end_ms));
        world.connect_until("c", &customer(), end).await;
        let found = world.connections.find("c").await.expect("an answer");
        let until = found.expect("it is open").until;
        assert_eq!(until, after(expected_ms));
    }
    let end = Some(after(30_000));
    world.connect_until("c", &customer(), end).await;
    world.clock.sleep(Duration::from_millis(29_999)).await;
    let frame = subscribe("order", "ord-1");
    let heard = world.say("c", &frame).await;
    assert_eq!(revisions(&heard), [("ord-1", 1)]);
    world.clock.sleep(Duration::from_millis(1)).await;
    let unsubscribe = json!({ "action": "unsubscribe", "order": "ord-1" });
    for frame in [frame, unsubscribe] {
        let heard = world.say("c", &frame).await;
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0]["title"], "Not connected");
    }
    let left = world
        .connections
        .subscribers("order#ord-1", after(30_000), 1);
    assert!(left.await.expect("an answer").is_empty());
}

#[tokio::test]
async fn what_could_not_be_carried_out_is_counted_and_what_is_refused_is_not() {
    let world = world();
    let failed = Counted::of(metric::FAILED);
    let _counting = failed.begin();
    // What anybody can send, at any time.
    assert_eq!(world.knock("c", "forged").await, 401);
    assert_eq!(world.event("DISCONNECT", "c", &json!({})).await, 200);
    world.say("c", &subscribe("order", "ord-1")).await;
    world.connect("c", &customer()).await;
    world.say("c", &json!({ "action": "dance" })).await;
    world.say("c", &subscribe("customer", "cust-2")).await;
    world.frames.fail_with(|_| Some(SendError::Gone));
    world.say("c", &subscribe("customer", "cust-1")).await;
    assert_eq!(failed.take(), 0);
    world.frames.fail_with(|_| None);
    world.connect("c", &customer()).await;
    let ticket = tickets().issue(&customer(), None, now()).text;
    for (kind, more) in [
        (
            "CONNECT",
            json!({ "queryStringParameters": { "ticket": ticket } }),
        ),
        (
            "MESSAGE",
            json!({ "body": subscribe("customer", "cust-1").to_string() }),
        ),
        ("DISCONNECT", json!({})),
    ] {
        world.connections.be_unavailable(1);
        assert_eq!(world.event(kind, "c", &more).await, 503);
        assert_eq!(failed.take(), 1, "{kind}");
    }
}
