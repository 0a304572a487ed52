//! Dead letters in an Amazon SQS queue. The only crate that names its SDK.

use aws_sdk_sqs::Client;
use ports::{DeadLetter, DeadLetters, Unavailable};

/// The SDK's client, for whoever has to make one with options of their own.
pub use aws_sdk_sqs;

/// One function's dead-letter queue. Clones share the connection.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

impl DeadLetters for DeadLetterQueue {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        let unavailable = "sqs:SendMessage";
        let body =
            serde_json::to_string(letter).map_err(|error| Unavailable::new(unavailable, error))?;
        let sent = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await;
        sent.map(drop)
            .map_err(|error| Unavailable::new(unavailable, error))
    }
}
