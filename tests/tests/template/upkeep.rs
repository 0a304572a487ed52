//! What keeps the stack operable: everything is deployed, named by its stack, logged, watched and restorable.
//!
//! Alarms on queues are checked in `delivery`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::plain_form::{Template, target, text};

#[test]
fn every_crate_in_functions_is_deployed_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let crates: BTreeSet<String> = fs::read_dir(folder)
        .expect("functions/ is a folder")
        .map(|entry| entry.expect("functions/ can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let template = Template::read();
    let deployed = template.of("AWS::Lambda::Function").map(|function| {
        let key = &function.properties["Code"]["S3Key"]["Fn::Sub"];
        text(key).replace("${CodePrefix}", "").replace(".zip", "")
    });
    assert_eq!(deployed.collect::<BTreeSet<_>>(), crates);
}

/// What is in these is made anew by whoever needs it.
const NOT_KEPT: [&str; 1] = ["ConnectionsTable"];

#[test]
fn every_function_without_a_dead_letter_queue_raises_an_alarm_on_errors() {
    let template = Template::read();
    for function in template.of("AWS::Lambda::Function") {
        let variables = &function.properties["Environment"]["Variables"];
        let alarmed = template.alarmed(function.name, "Errors");
        assert!(
            alarmed || variables["DEAD_LETTER_QUEUE_URL"].is_object(),
            "{}",
            function.name
        );
    }
}

#[test]
fn what_the_socket_could_not_carry_out_raises_an_alarm_and_what_it_refused_does_not() {
    let template = Template::read();
    let alarms = template.of("AWS::CloudWatch::Alarm");
    let counted: Vec<_> = alarms
        .map(|alarm| alarm.properties)
        .filter(|alarm| alarm["Namespace"] == json!({ "Ref": "AWS::StackName" }))
        .collect();
    let by_function = json!([{ "Name": "Function", "Value": { "Ref": "ServeSocket" } }]);
    let failed = |alarm: &&&Value| alarm["MetricName"] == "Failed";
    let failed = counted
        .iter()
        .find(failed)
        .expect("an alarm on what failed");
    assert_eq!(failed["Dimensions"], by_function);
    assert!(template.alarmed("ServeSocket", "Failed"));
    // It counts 4xx, which anybody gets who comes without a ticket.
    assert!(!template.alarmed("SocketApi", "IntegrationError"));
}

#[test]
fn whoever_reads_a_stream_and_falls_behind_raises_an_alarm() {
    let template = Template::read();
    for mapping in template.of("AWS::Lambda::EventSourceMapping") {
        let source = template.get(target(&mapping.properties["EventSourceArn"]));
        let function = target(&mapping.properties["FunctionName"]);
        assert!(
            source.kind != "AWS::DynamoDB::Table" || template.alarmed(function, "IteratorAge"),
            "{function}"
        );
    }
}

#[test]
fn every_function_writes_to_a_log_group_of_its_own_that_forgets() {
    let template = Template::read();
    for function in template.of("AWS::Lambda::Function") {
        let group = target(&function.properties["LoggingConfig"]["LogGroup"]);
        assert!(
            template.may(function.name, "logs:PutLogEvents", group),
            "{}",
            function.name
        );
        assert_eq!(
            template.get(group).properties["LogGroupName"]["Fn::Sub"],
            json!(format!(
                "/aws/lambda/{}",
                text(&function.properties["FunctionName"]["Fn::Sub"])
            ))
        );
    }
    for group in template.of("AWS::Logs::LogGroup") {
        assert!(
            template
                .resolve(&group.properties["RetentionInDays"])
                .as_u64()
                > Some(0),
            "{}",
            group.name
        );
    }
}

#[test]
fn every_table_whose_loss_would_matter_can_be_restored_and_refuses_to_be_deleted() {
    let template = Template::read();
    let kept = template.of("AWS::DynamoDB::Table");
    for table in kept.filter(|table| !NOT_KEPT.contains(&table.name)) {
        let recovery = &table.properties["PointInTimeRecoverySpecification"];
        assert_eq!(
            recovery["PointInTimeRecoveryEnabled"], true,
            "{}",
            table.name
        );
        let protection = json!({ "Fn::If": ["IsRetained", true, false] });
        assert_eq!(
            table.properties["DeletionProtectionEnabled"], protection,
            "{}",
            table.name
        );
    }
    assert_eq!(template.0["Parameters"]["Retain"]["Default"], "true");
}

#[test]
fn what_is_to_expire_does() {
    let template = Template::read();
    for table in ["ConnectionsTable", "EventsTable"] {
        assert_eq!(
            template.get(table).properties["TimeToLiveSpecification"],
            json!({ "AttributeName": "ttl", "Enabled": true }),
            "{table}"
        );
    }
}

#[test]
fn every_name_begins_with_the_stacks() {
    const NAMES: [&str; 8] = [
        "AlarmName",
        "FunctionName",
        "LogGroupName",
        "Name",
        "QueueName",
        "RoleName",
        "TableName",
        "TopicName",
    ];
    let template = Template::read();
    for (name, resource) in template.0["Resources"]
        .as_object()
        .expect("there are resources")
    {
        for property in NAMES {
            let named = &resource["Properties"][property];
            if let Some(given) = named["Fn::Sub"].as_str().or(named.as_str()) {
                let bare = given
                    .trim_start_matches("/aws/lambda/")
                    .trim_start_matches("/aws/vendedlogs/");
                assert!(bare.starts_with("${AWS::StackName}-"), "{name}: {given}");
            }
        }
    }
}

#[test]
fn whoever_takes_orders_and_nobody_else_knows_the_default_style_of_a_workflow() {
    let template = Template::read();
    let knowing = template.of("AWS::Lambda::Function").filter(|function| {
        let variables = &function.properties["Environment"]["Variables"];
        target(&variables["DEFAULT_WORKFLOW"]) == "DefaultWorkflow"
    });
    let knowing: BTreeSet<_> = knowing.map(|function| function.name).collect();
    assert_eq!(knowing, BTreeSet::from(["AcceptEvent", "PlaceOrder"]));
    let parameter = &template.0["Parameters"]["DefaultWorkflow"];
    let styles = json!(["choreography", "orchestration"]);
    assert_eq!(parameter["AllowedValues"], styles);
    assert_eq!(parameter["Default"], "choreography");
}

#[test]
fn every_parameter_says_what_it_is_for() {
    let template = Template::read();
    for (name, parameter) in template.0["Parameters"]
        .as_object()
        .expect("there are parameters")
    {
        assert!(parameter["Description"].is_string(), "{name}");
    }
}
