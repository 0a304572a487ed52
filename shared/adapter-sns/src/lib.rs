//! Text messages through Amazon SNS. The only crate that names its SDK.

use aws_sdk_sns::Client;
use partners::{SendSms, Sms};
use ports::Unavailable;

/// The SDK, for whoever has to make a client.
pub use aws_sdk_sns;

/// Text messages straight to phone numbers. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Sns(Client);

impl Sns {
    /// Messages through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl SendSms for Sns {
    async fn send(&self, sms: &Sms) -> Result<(), Unavailable> {
        let request = self.0.publish().phone_number(&sms.to).message(&sms.body);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| Unavailable::new("sns:Publish", error))
    }
}
