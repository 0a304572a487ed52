//! Requests and their answers over the in-memory store.

use std::time::Duration;

use envelope::{Cause, Envelope, SAGA, Timestamp};
use event_store::Memory;
use ports::{ManualClock, SeededIds};
use saga::Heard;

use super::*;

type Handler = SteerWorkflow<Memory, ManualClock, SeededIds>;

struct World {
    handler: Handler,
    store: Memory,
    clock: ManualClock,
    causes: u32,
}

impl World {
    /// With the saga of an order, which has asked for stock.
    async fn open() -> Self {
        let store = Memory::default();
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let handler = SteerWorkflow::new(store.clone(), clock.clone(), SeededIds::default());
        let mut world = Self {
            handler,
            store,
            clock,
            causes: 0,
        };
        world.hear("OrderPlaced", 1).await;
        world
    }

    /// Its order was cancelled, and nobody says that anything is undone.
    async fn stuck() -> Self {
        let mut world = Self::open().await;
        world.hear("OrderCancelled", 2).await;
        for _ in 0..40 {
            world.clock.sleep(Duration::from_secs(8_000)).await;
            world.tell(What::TimerFired(world.clock.now())).await;
        }
        assert!(world.happened().contains(&"SagaStuck".to_owned()));
        world
    }

    async fn hear(&mut self, event: &str, version: u64) {
        let heard = Heard {
            event: event.to_owned(),
            version,
            data: json!({ "orderId": "ord-1" }),
        };
        self.tell(What::Heard(heard)).await;
    }

    async fn tell(&mut self, what: What) {
        self.causes += 1;
        let cause = CommandId::new(self.causes.to_string()).expect("valid");
        let (now, seed) = (self.clock.now(), 0);
        let happening = Happening { what, now, seed };
        let cause = Cause::command(&cause);
        let executed = self.handler.sagas.execute("ord-1", &cause, &happening);
        executed.await.expect("carried out");
    }

    fn events(&self) -> Vec<Envelope> {
        let log = self.store.log_from(0);
        log.iter()
            .flat_map(event_store::Commit::envelopes)
            .collect()
    }

    fn happened(&self) -> Vec<String> {
        let events = self.events().into_iter();
        events.map(|event| event.event_type).collect()
    }

    async fn ask(&self, claims: Value, id: &str, headers: Value, body: &Value) -> (u64, Value) {
        let request = json!({
            "routeKey": "POST /orders/{id}/workflow/interventions", "pathParameters": { "id": id },
            "headers": headers, "body": body.to_string(),
            "requestContext": { "authorizer": { "jwt": { "claims": claims } } },
        });
        let answer = self.handler.handle(request).await.expect("JSON");
        let status = answer["statusCode"].as_u64().expect("a status");
        let body = answer["body"].as_str().expect("a body");
        (status, serde_json::from_str(body).expect("JSON"))
    }

    async fn step_in(&self, body: &Value) -> (u64, Value) {
        self.ask(operator(), "ord-1", json!({}), body).await
    }
}

fn operator() -> Value {
    json!({ "sub": "clerk-7", "scope": "operator" })
}

fn resume() -> Value {
    json!({ "action": "resume", "reason": "the warehouse answers again" })
}

fn resolve() -> Value {
    json!({ "action": "resolve", "step": "reserve-inventory", "reason": "done by hand" })
}

#[tokio::test]
async fn a_stuck_workflow_asks_again_and_says_who_had_it_do_so() {
    let world = World::stuck().await;
    let before = world.events().len();
    let (status, answer) = world.step_in(&resume()).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(
        answer["_links"]["workflow"]["href"],
        "/orders/ord-1/workflow"
    );
    let events = world.events();
    let new: Vec<_> = events[before..].iter().collect();
    let types: Vec<_> = new.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(
        types[..3],
        ["SagaResumed", "SagaUndoStarted", "ReleaseInventory"]
    );
    assert_eq!(new[0].data["reason"], "the warehouse answers again");
    for event in new {
        assert_eq!(event.metadata.extra["actor"], "clerk-7");
        assert_eq!(
            event.metadata.extra[SAGA], "OrderSaga",
            "or the rules do not see it"
        );
    }
    assert_eq!(answer["version"], events.len());
    assert_eq!(
        world.step_in(&resolve()).await.0,
        409,
        "it is not stuck any longer"
    );
}

#[tokio::test]
async fn a_step_that_was_seen_to_by_hand_counts_as_undone() {
    let world = World::stuck().await;
    let resolve =
        |step: &str| json!({ "action": "resolve", "step": step, "reason": "counted the shelf" });
    let (status, problem) = world.step_in(&resolve("ship-order")).await;
    assert_eq!(status, 409);
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("ship-order"), "{detail}");
    assert_eq!(world.step_in(&resolve("reserve-inventory")).await.0, 202);
    let happened = world.happened();
    let last = happened.last().map(String::as_str);
    assert_eq!(last, Some("SagaCompensated"));
    let retry = json!({ "action": "retry", "step": "reserve-inventory", "reason": "once more" });
    assert_eq!(world.step_in(&retry).await.0, 409);
}

#[tokio::test]
async fn a_retry_begins_at_the_step_that_is_named() {
    let world = World::stuck().await;
    let retry = json!({ "action": "retry", "step": "reserve-inventory", "reason": "once more" });
    assert_eq!(world.step_in(&retry).await.0, 202);
    let events = world.events();
    let resumed = events
        .iter()
        .find(|event| event.event_type == "SagaResumed");
    let steps = &resumed.expect("it goes on").data["steps"];
    assert!(
        steps
            .as_array()
            .is_some_and(|steps| steps.contains(&json!("reserve-inventory")))
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_all_at_once() {
    let world = World::stuck().await;
    let count = world.store.log_from(0).len();
    let long = json!({ "action": "resume", "reason": "x".repeat(501) });
    let cases = [
        (json!({}), vec!["/action", "/reason"]),
        (
            json!({ "action": "retry", "reason": " " }),
            vec!["/step", "/reason"],
        ),
        (json!({ "action": "resolve", "reason": "r" }), vec!["/step"]),
        (
            json!({ "action": "explode", "step": "x", "reason": "r" }),
            vec!["/action"],
        ),
        (long, vec!["/reason"]),
    ];
    for (body, pointers) in cases {
        let (status, problem) = world.step_in(&body).await;
        let errors = problem["errors"].as_array().expect("errors").iter();
        let found: Vec<_> = errors.map(|error| error["pointer"].as_str()).collect();
        let pointers: Vec<_> = pointers.into_iter().map(Some).collect();
        assert_eq!((status, found), (422, pointers), "{body}");
    }
    assert_eq!(world.step_in(&json!({ "action": 7 })).await.0, 400);
    assert_eq!(world.store.log_from(0).len(), count);
}

#[tokio::test]
async fn none_but_operators_step_in_and_only_where_there_is_something() {
    let world = World::stuck().await;
    let ask = async |claims: Value, id: &str| world.ask(claims, id, json!({}), &resume()).await.0;
    assert_eq!(ask(json!({ "sub": "cust-1" }), "ord-1").await, 403);
    assert_eq!(ask(json!({ "sub": "cust-1" }), "nobody").await, 403);
    assert_eq!(ask(json!({}), "ord-1").await, 401);
    for none in ["nobody", "a#b", ""] {
        assert_eq!(ask(operator(), none).await, 404);
    }
    let open = World::open().await;
    assert_eq!(open.step_in(&resolve()).await.0, 409, "it is on its way");
    assert_eq!(open.step_in(&resume()).await.0, 202, "it is woken");
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let world = World::stuck().await;
    let key = json!({ "Idempotency-Key": "k" });
    let first = world.ask(operator(), "ord-1", key.clone(), &resume()).await;
    assert_eq!(first.0, 202);
    world.clock.sleep(Duration::from_secs(60)).await;
    let again = world.ask(operator(), "ord-1", key.clone(), &resume()).await;
    assert_eq!(again, first);
    let other = json!({ "action": "resume", "reason": "another" });
    assert_eq!(world.ask(operator(), "ord-1", key, &other).await.0, 422);
    let resumed = world
        .happened()
        .into_iter()
        .filter(|event| event == "SagaResumed");
    assert_eq!(resumed.count(), 1);
}
