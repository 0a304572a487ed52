//! Commands under keys and preconditions, over the in-memory store.

use envelope::Timestamp;
use event_store::Memory;
use event_store::contract::{Added, Command, Tally};
use ports::ManualClock;
use serde_json::{Value, json};

use super::*;

type Process = Decider<Tally, Memory, ManualClock>;

fn process() -> Process {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    Decider::new(Memory::default(), clock)
}

fn request(headers: &Value, body: &str) -> Request {
    let json = json!({
        "routeKey": "POST /tallies/{id}", "pathParameters": { "id": "t" }, "headers": headers, "body": body,
    });
    serde_json::from_value(json).expect("a request")
}

fn sent_by(subject: &str, headers: &Value, body: &str) -> Result<Sent, Response> {
    let caller = Caller::Customer(subject.to_owned());
    let (request, natural) = (request(headers, body), || {
        CommandId::from_uuid(Uuid::now_v7())
    });
    let sent = request.sent(&caller, &[subject], natural)?;
    sent.on_version(&request)
}

fn sent(headers: &Value, body: &str) -> Sent {
    sent_by("cust-1", headers, body).expect("a command")
}

/// Adds 1, up to a sum of 3.
async fn add(process: &Process, sent: &Sent) -> Result<u64, u16> {
    let command = Command::AddUpTo {
        amount: 1,
        limit: 3,
    };
    let refuse = |rule: &_| Response::refused("Full", [Broken::rule(rule)]);
    let carried_out = sent.carry_out(process, "t", &command, refuse).await;
    carried_out
        .map(Version::get)
        .map_err(|problem| problem.status_code)
}

#[tokio::test]
async fn the_same_request_under_a_key_gets_the_same_answer_and_another_is_refused() {
    let process = process();
    let key = json!({ "Idempotency-Key": "k-1" });
    assert_eq!(add(&process, &sent(&key, "{\"a\":1,\"b\":2}")).await, Ok(1));
    assert_eq!(add(&process, &sent(&json!({}), "{}")).await, Ok(2));
    let spaced = sent(&key, "{ \"b\": 2, \"a\": 1 }");
    assert_eq!(add(&process, &spaced).await, Ok(1), "the same JSON");
    assert_eq!(add(&process, &sent(&key, "{\"a\":2}")).await, Err(422));
    let other = sent_by("cust-2", &key, "{\"a\":2}").expect("a command");
    assert_eq!(
        add(&process, &other).await,
        Ok(3),
        "keys are the caller's own"
    );
    let full = sent(&json!({ "idempotency-key": "k-2" }), "{}");
    assert_eq!(add(&process, &full).await, Err(422), "the domain refuses");
    assert_eq!(
        add(&process, &spaced).await,
        Ok(1),
        "also when it would refuse now"
    );
    let folded = process.load("t", ports::Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 3);
}

#[tokio::test]
async fn without_a_key_each_request_counts() {
    let process = process();
    for version in 1..=3 {
        assert_eq!(add(&process, &sent(&json!({}), "{}")).await, Ok(version));
    }
    assert_eq!(add(&process, &sent(&json!({}), "{}")).await, Err(422));
}

#[tokio::test]
async fn a_command_on_another_version_than_the_one_that_was_seen_is_not_carried_out() {
    let process = process();
    let if_match = |tags: &str| sent(&json!({ "If-Match": tags }), "{}");
    assert_eq!(add(&process, &if_match("\"0\"")).await, Ok(1));
    assert_eq!(add(&process, &if_match("\"0\"")).await, Err(412));
    assert_eq!(add(&process, &if_match("\"7\", \"1.00ff\"")).await, Ok(2));
    assert_eq!(add(&process, &if_match("*")).await, Ok(3));
    for malformed in ["1", "W/\"1\"", "", "\"x\"", "\"1\","] {
        let headers = json!({ "if-match": malformed });
        let problem = sent_by("cust-1", &headers, "{}").expect_err("no tag");
        assert_eq!(problem.status_code, 400, "{malformed}");
    }
}

/// What was carried out without a key, and comes again with a precondition, is no other request.
#[tokio::test]
async fn a_precondition_on_what_was_carried_out_before_is_no_key_of_another_request() {
    let process = process();
    let caller = Caller::Customer("cust-1".to_owned());
    let natural = || CommandId::new("natural").expect("an id");
    let plain = request(&json!({}), "{}");
    let first = plain
        .sent(&caller, &["cust-1"], natural)
        .expect("a command");
    assert_eq!(add(&process, &first).await, Ok(1));
    let conditional = request(&json!({ "if-match": "\"1\"" }), "{}");
    let again = conditional
        .sent(&caller, &["cust-1"], natural)
        .expect("a command");
    let again = again.on_version(&conditional).expect("a tag");
    assert_eq!(add(&process, &again).await, Ok(1));
}

/// The version has moved on because the command was carried out.
#[tokio::test]
async fn a_key_is_looked_at_before_the_precondition() {
    let process = process();
    let both = json!({ "If-Match": "\"0\"", "Idempotency-Key": "k" });
    for _ in 0..2 {
        assert_eq!(add(&process, &sent(&both, "{}")).await, Ok(1));
    }
}

#[test]
fn a_key_is_visible_ascii_of_some_length() {
    for bad in ["", "a b", "ä", &"x".repeat(256)] {
        let problem = sent_by("cust-1", &json!({ "Idempotency-Key": bad }), "{}");
        assert_eq!(problem.expect_err("no key").status_code, 400, "{bad}");
    }
    sent(&json!({ "Idempotency-Key": "x".repeat(255) }), "{}");
}

/// A command that is too large would fail for ever.
#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_what_may_pass_is_not() {
    let process = process();
    let huge = Command::Add(vec![Added::amount(1).padded(500_000)]);
    for headers in [json!({}), json!({ "Idempotency-Key": "k" })] {
        let refuse = |_: &_| Response::not_found();
        let sent = sent(&headers, "{}");
        let problem = sent.carry_out(&process, "t", &huge, refuse).await;
        assert_eq!(problem.expect_err("too large").status_code, 422);
    }
}
