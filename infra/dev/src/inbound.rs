//! Puts events on the inbound bus, as any other system would.
//!
//! PutEvents succeeds partially: each entry has its own result, and only the entries that failed are sent again.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::Cloud;

/// PutEvents takes this many entries (docs.aws.amazon.com/eventbridge, "PutEvents").
pub(crate) const ENTRIES_MAX: usize = 10;
const SENDS_MAX: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(100);

/// An event as a sender hands it to EventBridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Who sends it.
    pub(crate) source: String,
    /// What happened.
    #[serde(rename = "detail-type")]
    pub(crate) detail_type: String,
    /// The event itself.
    pub(crate) detail: Value,
}

/// Sends up to [`ENTRIES_MAX`] entries in one call, and again those that were refused.
pub(crate) async fn send(
    client: &aws_sdk_eventbridge::Client,
    bus: &str,
    entries: &[Entry],
) -> Result<()> {
    let mut left: Vec<&Entry> = entries.iter().collect();
    let mut reason = String::new();
    for attempt in 0..SENDS_MAX {
        if left.is_empty() {
            return Ok(());
        }
        if attempt > 0 {
            tokio::time::sleep(BACKOFF * 2_u32.pow(attempt)).await;
        }
        let request = left.iter().map(|entry| request(entry, bus)).collect();
        let answer = client.put_events().set_entries(Some(request)).send().await;
        let answer = answer.with_context(|| format!("cannot put events on the bus {bus}"))?;
        let mut refused = Vec::new();
        for (entry, result) in left.iter().zip(answer.entries()) {
            if let Some(code) = result.error_code() {
                reason = format!("{code}: {}", result.error_message().unwrap_or("no message"));
                refused.push(*entry);
            }
        }
        left = refused;
    }
    if left.is_empty() {
        return Ok(());
    }
    bail!(
        "{} of {} events were refused by the bus {bus} {SENDS_MAX} times ({reason})",
        left.len(),
        entries.len()
    )
}

/// Sends any number of entries, in order, call after call.
pub(crate) async fn send_all(cloud: &Cloud, bus: &str, entries: &[Entry]) -> Result<()> {
    let client = cloud.eventbridge();
    for chunk in entries.chunks(ENTRIES_MAX) {
        send(&client, bus, chunk).await?;
    }
    Ok(())
}

fn request(entry: &Entry, bus: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(&entry.source)
        .detail_type(&entry.detail_type)
        .detail(entry.detail.to_string())
        .build()
}
