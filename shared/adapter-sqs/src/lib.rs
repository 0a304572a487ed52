//! Dead letters and redelivery on Amazon SQS queues. The only crate that names its SDK.

use std::time::Duration;

use aws_sdk_sqs::Client;
use ports::{DeadLetter, DeadLetters, Redeliver, Unavailable};

/// The SDK's client, for whoever has to make one with options of their own.
pub use aws_sdk_sqs;

/// One queue. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

impl DeadLetters for Queue {
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

/// The longest that a message can be hidden, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>).
const HIDDEN_SECONDS_MAX: u64 = 43_200;

impl Redeliver for Queue {
    async fn redeliver(&self, receipt: &str, wait: Duration) -> Result<(), Unavailable> {
        let seconds = wait
            .as_millis()
            .div_ceil(1_000)
            .min(u128::from(HIDDEN_SECONDS_MAX));
        let request = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX));
        let sent = request.send().await;
        sent.map(drop)
            .map_err(|error| Unavailable::new("sqs:ChangeMessageVisibility", error))
    }
}
