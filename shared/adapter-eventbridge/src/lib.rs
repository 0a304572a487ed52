//! Publishing to an Amazon EventBridge bus. The only crate that names its SDK.
//!
//! Limits: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html> and
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use envelope::{Envelope, Traceparent};
use ports::{Publish, PublishError, Unavailable};

/// The SDK, for whoever has to make a client.
pub use aws_sdk_eventbridge;

/// The `source` of everything that this system publishes.
pub const SOURCE: &str = "event-router";

const OPERATION: &str = "events:PutEvents";

/// One bus. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus with this name or ARN.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    fn entry(&self, event: &Envelope) -> Result<PutEventsRequestEntry, Unavailable> {
        let detail =
            serde_json::to_string(event).map_err(|error| Unavailable::new(OPERATION, error))?;
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.event_type)
            .time(DateTime::from_millis(event.timestamp.as_millis()))
            .detail(detail)
            .set_trace_header(event.metadata.traceparent.map(Traceparent::to_xray_header))
            .build())
    }
}

impl Publish for Bus {
    const ENTRIES_MAX: usize = 10;
    /// The service takes 1 MB; what it counts besides the fields is not documented to the byte.
    const BYTES_MAX: usize = 1_000_000;

    /// The documented sum: 14 bytes for the time, and source, detail type and detail in UTF-8.
    fn size_of(&self, event: &Envelope) -> usize {
        let detail = serde_json::to_vec(event).map_or(0, |json| json.len());
        14 + SOURCE.len() + event.event_type.len() + detail
    }

    async fn publish(
        &self,
        batch: &[Envelope],
    ) -> Result<Vec<Result<(), PublishError>>, Unavailable> {
        let entries = batch
            .iter()
            .map(|event| self.entry(event))
            .collect::<Result<Vec<_>, _>>()?;
        let request = self.client.put_events().set_entries(Some(entries));
        let output = request
            .send()
            .await
            .map_err(|error| Unavailable::new(OPERATION, error))?;
        let results = output.entries();
        if results.len() != batch.len() {
            let text = format!("{} results for {} events", results.len(), batch.len());
            return Err(Unavailable::new(OPERATION, text));
        }
        Ok(results.iter().map(result_of).collect())
    }
}

/// One entry's result. These codes never pass by themselves; all others may
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>).
fn result_of(entry: &PutEventsResultEntry) -> Result<(), PublishError> {
    const REFUSALS: [&str; 4] = [
        "InvalidArgument",
        "MalformedDetail",
        "RedactionFailure",
        "NotAuthorizedForSourceException",
    ];
    let Some(code) = entry.error_code() else {
        return Ok(());
    };
    let text = format!("{code}: {}", entry.error_message().unwrap_or("no message"));
    Err(if REFUSALS.contains(&code) {
        PublishError::Refused(text)
    } else {
        PublishError::Transient(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_never_pass_is_a_refusal() {
        let entry = |code: &str| PutEventsResultEntry::builder().error_code(code).build();
        for code in ["ThrottlingException", "InternalFailure", "SomethingNew"] {
            assert!(
                matches!(result_of(&entry(code)), Err(PublishError::Transient(_))),
                "{code}"
            );
        }
        assert!(matches!(
            result_of(&entry("MalformedDetail")),
            Err(PublishError::Refused(_))
        ));
        let taken = PutEventsResultEntry::builder().event_id("1").build();
        assert_eq!(result_of(&taken), Ok(()));
    }
}
