//! Timers: whoever sets one gets it back, in its own queue, and nobody can have the scheduler send anything else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::plain_form::{Resource, Template, actions, target, text};

/// The functions that set timers.
fn setting(template: &Template) -> impl Iterator<Item = Resource<'_>> {
    let functions = template.of("AWS::Lambda::Function");
    functions.filter(|function| variables(function)["TIMER_GROUP"].is_object())
}

fn variables<'a>(function: &Resource<'a>) -> &'a Value {
    &function.properties["Environment"]["Variables"]
}

#[test]
fn a_timer_goes_off_in_the_queue_of_the_function_that_set_it() {
    let template = Template::read();
    for function in setting(&template) {
        let (name, variables) = (function.name, variables(&function));
        assert_eq!(target(&variables["TIMER_GROUP"]), "TimerGroup", "{name}");
        assert_eq!(target(&variables["TIMER_ROLE_ARN"]), "TimersRole", "{name}");
        let mapping = template.pointing_at("AWS::Lambda::EventSourceMapping", "FunctionName", name);
        let queue = target(&mapping[0]["EventSourceArn"]);
        assert_eq!(target(&variables["QUEUE_ARN"]), queue, "{name}");
        let dead_letters = target(&variables["DEAD_LETTER_QUEUE_URL"]);
        let of_timers = target(&variables["DEAD_LETTER_QUEUE_ARN"]);
        assert_eq!(of_timers, dead_letters, "{name}");
        for written in [queue, dead_letters] {
            assert!(timers_reach(&template).contains(written), "{written}");
        }
    }
}

/// What the scheduler may send to.
fn timers_reach(template: &Template) -> BTreeSet<&str> {
    let statements = template.role_statements("TimersRole");
    let resources = statements.flat_map(|statement| {
        assert!(actions(statement).eq(["sqs:SendMessage"]), "{statement}");
        statement["Resource"].as_array().expect("a list")
    });
    resources.map(target).collect()
}

#[test]
fn the_scheduler_sends_to_the_functions_that_set_timers_and_to_no_other() {
    let template = Template::read();
    let expected: BTreeSet<_> = setting(&template)
        .flat_map(|function| {
            ["QUEUE_ARN", "DEAD_LETTER_QUEUE_ARN"].map(|name| &variables(&function)[name])
        })
        .map(target)
        .collect();
    assert_eq!(timers_reach(&template), expected);
    let trust = &template.get("TimersRole").properties["AssumeRolePolicyDocument"]["Statement"];
    let expected = json!([{
        "Effect": "Allow",
        "Principal": { "Service": "scheduler.amazonaws.com" },
        "Action": "sts:AssumeRole",
        // Nobody has the scheduler of another account send for us.
        "Condition": { "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } },
    }]);
    assert_eq!(*trust, expected);
}

#[test]
fn whoever_sets_timers_does_so_in_the_stacks_group_and_hands_the_scheduler_its_role_and_no_other() {
    let template = Template::read();
    let setting: BTreeSet<_> = setting(&template)
        .map(|function| target(&function.properties["Role"]))
        .collect();
    let mut granted = BTreeSet::new();
    let group = text(&template.get("TimerGroup").properties["Name"]["Fn::Sub"]);
    for role in template.of("AWS::IAM::Role") {
        for statement in template.role_statements(role.name) {
            for action in actions(statement) {
                if action.starts_with("scheduler:") {
                    assert_eq!(action, "scheduler:CreateSchedule", "{}", role.name);
                    let resources = statement["Resource"].as_array().expect("a list");
                    let schedules = text(&resources[0]["Fn::Sub"]);
                    assert!(schedules.ends_with(&format!(":schedule/{group}/*")));
                    // Whatever else there is, there is on emulators alone.
                    let only_emulated = |more: &Value| {
                        more["Fn::If"][0] == "IsEmulated"
                            && more["Fn::If"][2] == json!({ "Ref": "AWS::NoValue" })
                    };
                    assert!(resources[1..].iter().all(only_emulated), "{}", role.name);
                    granted.insert((role.name, action));
                }
                if action.starts_with("iam:") {
                    let passed = json!({ "iam:PassedToService": "scheduler.amazonaws.com" });
                    assert_eq!(statement["Condition"]["StringEquals"], passed);
                    assert_eq!(target(&statement["Resource"]), "TimersRole");
                    granted.insert((role.name, action));
                }
            }
        }
    }
    let expected = setting
        .into_iter()
        .flat_map(|role| ["scheduler:CreateSchedule", "iam:PassRole"].map(|action| (role, action)));
    assert_eq!(granted, expected.collect());
}

#[test]
fn a_saga_that_is_stuck_raises_an_alarm_that_says_what_to_do() {
    let template = Template::read();
    let alarm = template.get("ConductOrderStuckAlarm").properties;
    assert!(template.alarmed("ConductOrder", telemetry::metric::SAGA_STUCK));
    assert_eq!(alarm["Namespace"], json!({ "Ref": "AWS::StackName" }));
    assert_eq!(alarm["Dimensions"][0]["Name"], "Function");
    // A saga that is stuck is counted every hour, give or take a timer's lateness.
    let (period, periods, points) = (3600, 2, 1);
    assert_eq!(alarm["Period"], period);
    assert_eq!(alarm["EvaluationPeriods"], periods);
    assert_eq!(alarm["DatapointsToAlarm"], points);
    let description = text(&alarm["AlarmDescription"]);
    let steps = [
        "GET /workflows?state=stuck",
        "POST /orders/{id}/workflow/interventions",
    ];
    assert!(description.starts_with("CRITICAL:"), "{description}");
    assert!(
        steps.iter().all(|step| description.contains(step)),
        "{description}"
    );
}
