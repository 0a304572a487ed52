//! Looks into dead-letter queues and leaves everything there.
//!
//! SQS cannot be read without receiving. So what is received is hidden for a moment, to get at what lies behind it, and
//! shown again at the end. Dead-letter queues have no redrive of their own, so being received costs a message nothing.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use serde::Serialize;
use serde_json::Value;

use crate::args::DeadLetters;
use crate::cloud::Cloud;
use crate::env_file::dead_letter_queues;
use crate::progress::say;
use crate::project::Project;
use crate::running::Running;
use crate::table::{Table, cut};

const HIDDEN_SECONDS: i32 = 20;
const LOOKED_AT_MAX: usize = 1_000;
const BATCH: usize = 10;

/// A message in a dead-letter queue.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// The function that gave up.
    pub(crate) function: String,
    /// Why.
    pub(crate) reason: String,
    /// How often it was tried, where that is known.
    pub(crate) attempts: Option<u64>,
    /// The event's id, if it has one.
    pub(crate) event_id: Option<String>,
    /// The event's type, if it has one.
    pub(crate) event_type: Option<String>,
    /// The whole message.
    pub(crate) body: Value,
}

/// `cargo dev dead-letters`
pub(crate) async fn show(project: &Project, options: &DeadLetters) -> Result<ExitCode> {
    let running = Running::find(project).await?;
    let letters = all(&running, options.function.as_deref()).await?;
    if options.output.json {
        say!("{:#}", serde_json::to_value(&letters)?);
    } else if letters.is_empty() {
        say!("no dead letters");
    } else {
        say!("{}", table(&letters));
        say!("cargo dev dead-letters --json shows them whole");
    }
    Ok(ExitCode::SUCCESS)
}

/// The dead letters of one function, or of all.
pub(crate) async fn all(running: &Running, function: Option<&str>) -> Result<Vec<DeadLetter>> {
    let queues = dead_letter_queues(&running.variables);
    let wanted: Vec<_> = queues
        .iter()
        .filter(|(name, _)| function.is_none_or(|wanted| wanted == name))
        .collect();
    if wanted.is_empty() {
        let names: Vec<&str> = queues.iter().map(|(name, _)| name.as_str()).collect();
        let asked = function.unwrap_or("?");
        bail!(
            "{asked} has no dead-letter queue; these functions have one: {}",
            names.join(", ")
        );
    }
    let mut letters = Vec::new();
    for (function, url) in wanted {
        letters.extend(peek(&running.cloud, function, url).await?);
    }
    Ok(letters)
}

/// Dead letters as a table.
pub(crate) fn table(letters: &[DeadLetter]) -> Table {
    let mut table = Table::new(["function", "event", "attempts", "reason"]);
    for letter in letters {
        let kind = letter.event_type.as_deref().unwrap_or("unknown type");
        let event = format!(
            "{kind} {}",
            letter.event_id.as_deref().unwrap_or("without id")
        );
        let attempts = letter
            .attempts
            .map_or_else(|| "?".to_owned(), |count| count.to_string());
        table.row([
            letter.function.clone(),
            event,
            attempts,
            cut(&letter.reason, 160),
        ]);
    }
    table
}

async fn peek(cloud: &Cloud, function: &str, url: &str) -> Result<Vec<DeadLetter>> {
    let client = cloud.sqs();
    let mut messages: Vec<Message> = Vec::new();
    let mut seen = HashSet::new();
    while messages.len() < LOOKED_AT_MAX {
        let received = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(BATCH as i32)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .with_context(|| format!("cannot look into the dead-letter queue of {function}"))?;
        let batch = received.messages.unwrap_or_default();
        let fresh = batch
            .into_iter()
            .filter(|message| seen.insert(message.message_id.clone()));
        let before = messages.len();
        messages.extend(fresh);
        if messages.len() == before {
            break;
        }
    }
    for chunk in messages.chunks(BATCH) {
        let mut shown = client.change_message_visibility_batch().queue_url(url);
        for (position, message) in chunk.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(position.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .visibility_timeout(0);
            shown = shown.entries(entry.build()?);
        }
        // If this fails, SQS shows them by itself a moment later.
        let _ = shown.send().await;
    }
    Ok(messages
        .iter()
        .map(|message| read(function, message))
        .collect())
}

fn read(function: &str, message: &Message) -> DeadLetter {
    let text = message.body().unwrap_or_default();
    let body: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let of = |path: &str| {
        body.pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let attribute = |name: &str| {
        let attributes = message.message_attributes()?;
        attributes.get(name)?.string_value().map(str::to_owned)
    };
    // In turn: what a function writes, what EventBridge adds, what a stream's mapping writes.
    let reason = of("/reason")
        .or_else(|| attribute("ERROR_MESSAGE"))
        .or_else(|| of("/requestContext/condition"))
        .unwrap_or_else(|| "moved by SQS: the function never answered for it".to_owned());
    DeadLetter {
        function: function.to_owned(),
        reason,
        attempts: body["attempts"].as_u64(),
        event_id: of("/eventId")
            .or_else(|| of("/detail/eventId"))
            .or_else(|| of("/detail/id")),
        event_type: of("/eventType").or_else(|| of("/detail-type")),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(body: &str) -> DeadLetter {
        read("charge-payment", &Message::builder().body(body).build())
    }

    #[test]
    fn what_a_function_gave_up_says_why() {
        let letter = letter(
            r#"{"handler":"charge-payment","reason":"no such method","attempts":5,"eventId":"e-1","eventType":"InventoryReserved","event":{}}"#,
        );
        assert_eq!(letter.reason, "no such method");
        assert_eq!(
            (letter.attempts, letter.event_id.as_deref()),
            (Some(5), Some("e-1"))
        );
    }

    #[test]
    fn what_sqs_moved_is_the_event_itself() {
        let letter = letter(r#"{"detail-type":"OrderPlaced","detail":{"eventId":"e-2"}}"#);
        assert!(letter.reason.starts_with("moved by SQS"));
        assert_eq!(letter.event_id.as_deref(), Some("e-2"));
        assert_eq!(letter.event_type.as_deref(), Some("OrderPlaced"));
    }

    #[test]
    fn what_is_no_json_is_shown_as_text() {
        assert_eq!(letter("oh no").body, Value::String("oh no".to_owned()));
    }
}
