//! `cargo dev logs`: the functions' logs, in order of time.
//!
//! What the platform says about itself (START, END, REPORT) and the embedded metrics are left out: they are for
//! machines. The functions' own lines are JSON; they are shown as a person reads them, with every field kept.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use serde_json::Value;

use crate::args::Logs;
use crate::clock::{now_millis, time_of_day};
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;

const POLL: Duration = Duration::from_millis(700);
/// A line may arrive later than one with a later time: following looks back this far.
const LATE_MS: i64 = 10_000;

/// A line of a log.
#[derive(Debug)]
struct Line {
    millis: i64,
    function: String,
    text: String,
}

/// Shows them.
pub(crate) async fn show(project: &Project, options: &Logs) -> Result<ExitCode> {
    let running = Running::find(project).await?;
    let functions = project.functions_named(options.function.as_slice())?;
    let mut since = now_millis() - i64::from(options.since) * 60_000;
    let mut shown = HashSet::new();
    loop {
        let asked_at = now_millis();
        let mut lines = Vec::new();
        for function in &functions {
            for event in read(&running, function, since).await? {
                // Emulators leave out the id of an event.
                let id = event.event_id.clone().or_else(|| event.message.clone());
                let fresh = shown.insert((function.clone(), id, event.timestamp));
                if let (true, Some(text)) = (fresh, readable(event.message().unwrap_or_default())) {
                    lines.push(Line {
                        millis: event.timestamp().unwrap_or(0),
                        function: function.clone(),
                        text,
                    });
                }
            }
        }
        lines.sort_by_key(|line| line.millis);
        for line in &lines {
            say!(
                "{} {:18} {}",
                time_of_day(line.millis),
                line.function,
                line.text
            );
        }
        if !options.follow {
            if lines.is_empty() {
                eprintln!("nothing was logged in the last {} minutes", options.since);
            }
            return Ok(ExitCode::SUCCESS);
        }
        since = asked_at - LATE_MS;
        tokio::time::sleep(POLL).await;
    }
}

async fn read(running: &Running, function: &str, since: i64) -> Result<Vec<FilteredLogEvent>> {
    let group = format!("/aws/lambda/{}", running.name_of(function));
    let request = running
        .cloud
        .logs()
        .filter_log_events()
        .log_group_name(&group)
        .start_time(since);
    let mut pages = request.into_paginator().send();
    let mut events = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("cannot read the log group {group}"))?;
        events.extend(page.events.unwrap_or_default());
    }
    Ok(events)
}

/// A line for people, or nothing for a line that is for machines.
fn readable(message: &str) -> Option<String> {
    let message = message.trim_end();
    let platform = [
        "START RequestId",
        "END RequestId",
        "REPORT RequestId",
        "INIT_START",
    ];
    if message.is_empty() || platform.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str(message) else {
        return Some(message.to_owned());
    };
    if fields.contains_key("_aws") {
        return None;
    }
    let level = take(&mut fields, &["level"]).unwrap_or_else(|| "-".to_owned());
    if let Some(Value::Object(inner)) = fields.remove("fields") {
        fields.extend(inner);
    }
    let text = take(&mut fields, &["message", "msg"]).unwrap_or_default();
    for repeated in ["timestamp", "target"] {
        fields.remove(repeated);
    }
    let rest: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect();
    Some(
        format!("{level:5} {text} {}", rest.join(" "))
            .trim_end()
            .to_owned(),
    )
}

fn take(fields: &mut serde_json::Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| fields.remove(*name))
        .map(|value| plain(&value))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_level_its_message_and_every_field() {
        let line = r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","fields":{"message":"handled","event.type":"OrderPlaced"},"target":"x"}"#;
        assert_eq!(
            readable(line).expect("a line"),
            "INFO  handled event.type=OrderPlaced"
        );
        assert_eq!(readable("plain text\n").expect("a line"), "plain text");
    }

    #[test]
    fn lines_for_machines_are_left_out() {
        assert_eq!(readable("REPORT RequestId: 1 Duration: 2 ms"), None);
        assert_eq!(readable(r#"{"_aws":{"Timestamp":1},"handled":1}"#), None);
    }
}
