//! What the service is asked, and what becomes of its answers. A server gives them word for word as the
//! service does.

use std::error::Error as _;

use aws_sdk_scheduler::Config;
use aws_sdk_scheduler::config::retry::RetryConfig;
use aws_sdk_scheduler::config::{BehaviorVersion, Credentials, Region};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:shop-expire-order";
const DEAD_LETTERS: &str = "arn:aws:sqs:eu-west-1:111122223333:shop-expire-order-dead-letters";
const ROLE: &str = "arn:aws:iam::111122223333:role/shop-timers";

fn timers_at(address: &str) -> SchedulerTimers {
    let configuration = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(address)
        .build();
    let delivery = Delivery {
        group: "shop-timers".to_owned(),
        role_arn: ROLE.to_owned(),
        queue_arn: QUEUE.to_owned(),
        dead_letters_arn: DEAD_LETTERS.to_owned(),
    };
    SchedulerTimers::new(Client::from_conf(configuration), delivery)
}

/// A request: its first line and its body.
type Question = (String, Value);

async fn read(connection: &mut TcpStream) -> Option<Question> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 8192];
        let length = connection.read(&mut part).await.ok()?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return Some((head.lines().next()?.to_owned(), body));
        }
        if length == 0 {
            return None;
        }
    }
}

/// A service that gives one answer to everything, and tells what it was asked.
async fn answering(
    status: u16,
    kind: &'static str,
) -> (SchedulerTimers, mpsc::UnboundedReceiver<Question>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (asked, questions) = mpsc::unbounded_channel();
    let body = match status {
        200 => json!({ "ScheduleArn": "arn:aws:scheduler:eu-west-1:111122223333:schedule/g/n" }),
        _ => json!({ "Message": "no" }),
    };
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            if let Some(question) = read(&mut connection).await {
                let _ = asked.send(question);
            }
            let body = body.to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\nx-amzn-errortype: {kind}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = connection.write_all((head + &body).as_bytes()).await;
        }
    });
    (timers_at(&format!("http://{address}")), questions)
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a moment")
}

/// A timer of which it does not matter what it says.
async fn set_one(timers: &SchedulerTimers) -> Result<(), Unavailable> {
    let at = moment("2026-11-21T10:30:00Z");
    timers.set("evt-1", at, &json!({})).await
}

#[tokio::test]
async fn a_timer_is_a_schedule_that_sends_the_message_once_and_is_gone() {
    let (timers, mut questions) = answering(200, "").await;
    let message = json!({ "detail-type": "OrderPlaced", "detail": { "eventId": "évt-1", "line1": "<aws.scheduler.execution-id>" } });
    let at = moment("2026-11-21T10:30:00.001Z");
    timers.set("evt-1", at, &message).await.expect("set");
    let (line, mut body) = questions.recv().await.expect("it was asked");
    assert_eq!(line, "POST /schedules/evt-1 HTTP/1.1");
    let input = body["Target"]["Input"].take();
    let input = input.as_str().expect("text");
    assert!(
        !input.contains("<aws"),
        "the scheduler would put its own in: {input}"
    );
    let input: Value = serde_json::from_str(input).expect("JSON");
    assert_eq!(input, message);
    // Drawn anew for each request, so that the SDK can repeat one.
    assert!(body["ClientToken"].take().is_string());
    let expected = json!({
        "ActionAfterCompletion": "DELETE",
        "ClientToken": null,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "GroupName": "shop-timers",
        "ScheduleExpression": "at(2026-11-21T10:31:00)",
        "ScheduleExpressionTimezone": "UTC",
        "Target": {
            "Arn": QUEUE,
            "DeadLetterConfig": { "Arn": DEAD_LETTERS },
            "Input": null,
            "RetryPolicy": { "MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185 },
            "RoleArn": ROLE,
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_timer_that_was_set_before_is_set() {
    let (timers, _questions) = answering(409, "ConflictException").await;
    set_one(&timers).await.expect("set before");
}

#[tokio::test]
async fn a_failure_tells_whether_another_attempt_may_help() {
    let cases = [
        (429, "ThrottlingException", Soon::Throttled),
        (500, "InternalServerException", Soon::Likely),
        (503, "ServiceUnavailable", Soon::Likely),
        (400, "ValidationException", Soon::Unlikely),
        (402, "ServiceQuotaExceededException", Soon::Unlikely),
        (403, "AccessDeniedException", Soon::Unlikely),
        (404, "ResourceNotFoundException", Soon::Unlikely),
    ];
    for (status, kind, expected) in cases {
        let (timers, _questions) = answering(status, kind).await;
        let error = set_one(&timers).await.expect_err("an answer that says no");
        assert_eq!(error.soon, expected, "{kind}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_may_be_there_soon() {
    let timers = timers_at("http://127.0.0.1:9");
    let error = set_one(&timers).await.expect_err("nobody");
    assert_eq!(error.soon, Soon::Likely);
}

#[tokio::test]
async fn a_message_that_no_schedule_can_carry_is_refused_with_its_size_and_without_a_request() {
    let (timers, mut questions) = answering(200, "").await;
    // With the quotation marks that JSON puts around it.
    let fits = json!("x".repeat(MESSAGE_BYTES_MAX - 2));
    let too_large = json!("x".repeat(MESSAGE_BYTES_MAX - 1));
    let at = moment("2026-11-21T10:30:00Z");
    let error = timers.set("evt-1", at, &too_large).await.expect_err("no");
    assert_eq!(error.soon, Soon::Unlikely);
    let reason = error.source().expect("a reason").to_string();
    assert!(reason.contains("262145 bytes"), "{reason}");
    assert!(questions.try_recv().is_err(), "it was sent");
    timers.set("evt-1", at, &fits).await.expect("set");
}

#[test]
fn the_largest_order_fits_also_if_it_is_made_of_nothing_but_the_schedulers_words() {
    let order = json!("<aws.".repeat(100 * 1024 / 5));
    assert!(input(&order).len() < MESSAGE_BYTES_MAX - 16 * 1024);
}

#[test]
fn a_moment_is_rounded_up_to_the_next_minute_also_over_midnight() {
    for (at, expected) in [
        ("2026-11-21T10:30:00Z", "at(2026-11-21T10:30:00)"),
        ("2026-11-21T10:30:00.001Z", "at(2026-11-21T10:31:00)"),
        ("2026-12-31T23:59:59.999Z", "at(2027-01-01T00:00:00)"),
        ("2026-11-21T12:30:45+02:00", "at(2026-11-21T10:31:00)"),
    ] {
        assert_eq!(expression(moment(at)), expected);
    }
}

#[test]
fn every_name_becomes_one_that_a_schedule_may_have_and_no_two_become_the_same() {
    let digest = schedule_name("evt 1");
    let names = [
        "evt-1",
        "evt_1",
        "evt.1",
        "evt 1",
        "évt-1",
        "evt/1",
        "",
        &"x".repeat(63),
        &"x".repeat(64),
        &"x".repeat(65),
        // What looks like the digest of another name is not taken for it.
        &digest,
    ];
    let made: std::collections::BTreeSet<_> =
        names.iter().map(|name| schedule_name(name)).collect();
    assert_eq!(made.len(), names.len(), "{made:?}");
    for name in &made {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(
            (1..=64).contains(&name.len()) && name.chars().all(allowed),
            "{name}"
        );
    }
    assert_eq!(schedule_name("evt-1"), "evt-1");
    assert_eq!(schedule_name("evt 1"), schedule_name("evt 1"));
}
