//! Text messages through Amazon SNS. The only crate that names its SDK.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use partners::{NoticeError, SendSms, Sms};
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

/// Only the code: the text of a refusal names the number.
fn failed(code: Option<&str>) -> NoticeError {
    match code {
        Some(code @ ("InvalidParameter" | "ParameterValueInvalid" | "OptedOut")) => {
            NoticeError::Refused(code.to_owned())
        }
        code => Unavailable::new("sns:Publish", code.unwrap_or("no answer").to_owned()).into(),
    }
}

impl SendSms for Sns {
    async fn send(&self, sms: &Sms) -> Result<(), NoticeError> {
        let request = self.0.publish().phone_number(&sms.to).message(&sms.body);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(error.code()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_anything_else_may_pass() {
        assert!(matches!(
            failed(Some("InvalidParameter")),
            NoticeError::Refused(_)
        ));
        for code in [Some("Throttled"), Some("InternalError"), None] {
            assert!(
                matches!(failed(code), NoticeError::Unavailable(_)),
                "{code:?}"
            );
        }
    }
}
