//! Every path on which an event can fail ends in a queue.
//!
//! The function writes a dead letter with its reason; these tests are about the nets below it, for crashes, time-outs and
//! what could not be delivered at all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::plain_form::{Resource, Template, target, text};

const TWO_WEEKS_SECONDS: u64 = 14 * 24 * 60 * 60;
/// The most that the mapping of a stream can have.
const MOST_ATTEMPTS: i64 = 10_000;
/// Functions that pass on hints: what they cannot deliver soon is dropped on purpose, since it is worth nothing later.
const HINTS: [&str; 1] = ["PushUpdates"];

#[test]
fn every_failure_of_a_function_ends_in_a_queue_or_in_the_callers_answer_but_for_hints() {
    let template = Template::read();
    for function in template.of("AWS::Lambda::Function") {
        let name = function.name;
        let mappings =
            template.pointing_at("AWS::Lambda::EventSourceMapping", "FunctionName", name);
        let integrations =
            template.pointing_at("AWS::ApiGatewayV2::Integration", "IntegrationUri", name);
        assert!(
            mappings.len() + integrations.len() == 1,
            "{name} has not exactly one caller"
        );
        for mapping in mappings {
            let source = template.get(target(&mapping["EventSourceArn"]));
            match source.kind {
                "AWS::SQS::Queue" => assert_queue_gives_up_safely(&template, mapping, &source),
                "AWS::DynamoDB::Table" if HINTS.contains(&name) => {
                    assert_stream_gives_up_soon(&template, name, mapping);
                }
                "AWS::DynamoDB::Table" => assert_stream_gives_up_safely(&template, name, mapping),
                other => panic!("{name} is fed by {other}, for which no failure path is known"),
            }
        }
    }
}

fn assert_queue_gives_up_safely(template: &Template, mapping: &Value, queue: &Resource) {
    let name = queue.name;
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"]),
        "{name}"
    );
    let most = template
        .resolve(&mapping["ScalingConfig"]["MaximumConcurrency"])
        .as_u64();
    assert!(
        most.is_some_and(|most| most >= 2),
        "{name}: concurrency is not capped"
    );
    let redrive = &queue.properties["RedrivePolicy"];
    let receives = template.resolve(&redrive["maxReceiveCount"]).as_u64();
    assert!(
        receives.is_some_and(|receives| receives >= 2),
        "{name}: one failure would be the last"
    );
    assert_eq!(
        template.get(target(&redrive["deadLetterTargetArn"])).kind,
        "AWS::SQS::Queue"
    );
}

fn assert_stream_gives_up_safely(template: &Template, function: &str, mapping: &Value) {
    // An outage uses up attempts within minutes, so they must not be what gives a record up: its age must.
    let attempts = template.resolve(&mapping["MaximumRetryAttempts"]).as_i64();
    assert_eq!(attempts, Some(MOST_ATTEMPTS), "{function}");
    // The failure record only points into the stream, which forgets after a day.
    let age = template
        .resolve(&mapping["MaximumRecordAgeInSeconds"])
        .as_i64();
    assert!(
        age.is_some_and(|age| (60..24 * 60 * 60).contains(&age)),
        "{function}"
    );
    assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{function}");
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"]),
        "{function}"
    );
    assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON", "{function}");
    let failures = target(&mapping["DestinationConfig"]["OnFailure"]["Destination"]);
    assert_eq!(template.get(failures).kind, "AWS::SQS::Queue", "{function}");
    assert!(
        template.may(function, "sqs:SendMessage", failures),
        "{function} may not write to {failures}"
    );
}

/// A hint that nobody takes keeps the hints behind it waiting: it is tried a few times, and not for long.
fn assert_stream_gives_up_soon(template: &Template, function: &str, mapping: &Value) {
    let attempts = template.resolve(&mapping["MaximumRetryAttempts"]).as_i64();
    assert!(
        attempts.is_some_and(|n| (1..=10).contains(&n)),
        "{function}"
    );
    let age = &mapping["MaximumRecordAgeInSeconds"];
    let age = template.resolve(age).as_i64();
    assert!(
        age.is_some_and(|age| (60..=600).contains(&age)),
        "{function}"
    );
    assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{function}");
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"]),
        "{function}"
    );
}

#[test]
fn a_functions_own_dead_letters_go_where_its_queue_sends_them() {
    let template = Template::read();
    for mapping in template.of("AWS::Lambda::EventSourceMapping") {
        let function = template.get(target(&mapping.properties["FunctionName"]));
        if HINTS.contains(&function.name) {
            continue;
        }
        let own = target(&function.properties["Environment"]["Variables"]["DEAD_LETTER_QUEUE_URL"]);
        let source = template.get(target(&mapping.properties["EventSourceArn"]));
        let redriven = match source.kind {
            "AWS::SQS::Queue" => &source.properties["RedrivePolicy"]["deadLetterTargetArn"],
            _ => &mapping.properties["DestinationConfig"]["OnFailure"]["Destination"],
        };
        assert_eq!(own, target(redriven), "{}", function.name);
        assert!(
            template.may(function.name, "sqs:SendMessage", own),
            "{}",
            function.name
        );
    }
}

#[test]
fn a_queue_redrives_one_receive_after_the_functions_last_attempt() {
    let template = Template::read();
    let attempts = &template.0["Parameters"]["AttemptsMax"];
    for allowed in attempts["AllowedValues"]
        .as_array()
        .expect("the attempts are a choice")
    {
        let receives = &template.0["Mappings"]["Receives"][text(allowed)]["Max"];
        assert_eq!(
            receives.as_u64().map(|receives| receives - 1),
            text(allowed).parse().ok()
        );
    }
}

#[test]
fn what_a_rule_cannot_deliver_is_retried_and_then_kept() {
    let template = Template::read();
    for rule in template.of("AWS::Events::Rule") {
        let name = rule.name;
        let targets = rule.properties["Targets"]
            .as_array()
            .expect("a rule has targets");
        assert_eq!(targets.len(), 1, "{name}: reactions do not share a rule");
        let queue = template.get(target(&targets[0]["Arn"]));
        assert_eq!(
            queue.kind, "AWS::SQS::Queue",
            "{name}: a rule delivers to a queue"
        );
        assert!(
            targets[0]["RetryPolicy"]["MaximumRetryAttempts"].as_u64() > Some(0),
            "{name}"
        );
        assert!(
            targets[0]["RetryPolicy"]["MaximumEventAgeInSeconds"].as_u64() >= Some(60),
            "{name}"
        );
        let undelivered = target(&targets[0]["DeadLetterConfig"]["Arn"]);
        let redriven = target(&queue.properties["RedrivePolicy"]["deadLetterTargetArn"]);
        assert_eq!(
            undelivered, redriven,
            "{name}: one function, one place for its failures"
        );
        for written in [queue.name, undelivered] {
            assert!(
                template.lets_in(written, name),
                "{written} does not let {name} in"
            );
        }
    }
}

#[test]
fn no_pattern_is_longer_than_a_rule_takes() {
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
    const CHARS_MAX: usize = 2_048;
    for rule in Template::read().of("AWS::Events::Rule") {
        let chars = rule.properties["EventPattern"].to_string().len();
        assert!(chars <= CHARS_MAX, "{}: {chars}", rule.name);
    }
}

#[test]
fn no_queue_forgets_a_message_within_two_weeks() {
    let template = Template::read();
    for queue in template.of("AWS::SQS::Queue") {
        assert_eq!(
            queue.properties["MessageRetentionPeriod"].as_u64(),
            Some(TWO_WEEKS_SECONDS),
            "{}",
            queue.name
        );
    }
}

#[test]
fn every_dead_letter_queue_raises_an_alarm_and_can_be_found() {
    let template = Template::read();
    let dead_letters = template.dead_letters();
    assert!(!dead_letters.is_empty());
    for name in dead_letters {
        assert!(
            template.alarmed(name, "ApproximateNumberOfMessagesVisible"),
            "{name} has no alarm"
        );
        let output = template.0["Outputs"]
            .as_object()
            .expect("the stack has outputs");
        assert!(
            output
                .values()
                .any(|output| output["Value"] == json!({ "Ref": name })),
            "{name} is no output"
        );
    }
}

#[test]
fn every_queue_whose_function_falls_behind_raises_an_alarm() {
    let template = Template::read();
    let dead_letters = template.dead_letters();
    for queue in template.of("AWS::SQS::Queue") {
        assert!(
            dead_letters.contains(queue.name)
                || template.alarmed(queue.name, "ApproximateAgeOfOldestMessage"),
            "{} has no alarm",
            queue.name
        );
    }
}

#[test]
fn a_queue_hides_a_message_six_times_as_long_as_its_function_may_run() {
    let template = Template::read();
    for mapping in template.of("AWS::Lambda::EventSourceMapping") {
        let source = template.get(target(&mapping.properties["EventSourceArn"]));
        if source.kind == "AWS::SQS::Queue" {
            let function = template.get(target(&mapping.properties["FunctionName"]));
            let timeout_seconds = function.properties["Timeout"]
                .as_u64()
                .expect("a time-out is a number");
            let hidden_seconds = template
                .resolve(&source.properties["VisibilityTimeout"])
                .as_u64();
            assert!(
                hidden_seconds >= Some(6 * timeout_seconds),
                "{}",
                function.name
            );
        }
    }
}

#[test]
fn a_function_behind_the_api_gives_up_before_the_api_does() {
    /// How long an HTTP API waits when its integration does not say less.
    const API_SECONDS: u64 = 30;
    let template = Template::read();
    for integration in template.of("AWS::ApiGatewayV2::Integration") {
        let function = template.get(target(&integration.properties["IntegrationUri"]));
        let timeout_seconds = function.properties["Timeout"].as_u64();
        assert!(
            timeout_seconds.is_some_and(|seconds| seconds < API_SECONDS),
            "{}",
            function.name
        );
        assert!(
            integration.properties.get("TimeoutInMillis").is_none(),
            "{}",
            integration.name
        );
    }
}

/// In an update everything changes at the same time, unless it says otherwise.
#[test]
fn orders_are_taken_only_when_whoever_carries_them_is_deployed() {
    let template = Template::read();
    let carries = |rule: &Resource<'_>| {
        let pattern = rule.properties["EventPattern"].to_string();
        let reads_only = ["Project", "Email", "Text"];
        let of_orders = pattern.contains("Order") || pattern.contains("Payment");
        of_orders && !reads_only.iter().any(|kind| rule.name.starts_with(kind))
    };
    let rules = template.of("AWS::Events::Rule").filter(carries);
    let names = rules.flat_map(|rule| [rule.name, rule.name.trim_end_matches("Rule")]);
    let expected: BTreeSet<_> = names.collect();
    assert!(expected.contains("ConductOrderRule"), "{expected:?}");
    for taker in ["AcceptEvent", "PlaceOrder"] {
        let after = template.0["Resources"][taker]["DependsOn"].as_array();
        let after: BTreeSet<_> = after.into_iter().flatten().map(text).collect();
        assert_eq!(after, expected, "{taker}");
    }
}
