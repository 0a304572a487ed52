//! E-mail through Amazon SES. The only crate that names its SDK.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use partners::{Email, NoticeError, SendEmail};
use ports::Unavailable;

/// The SDK, for whoever has to make a client.
pub use aws_sdk_sesv2;

/// Mails from one verified sender. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Ses {
    client: Client,
    sender: String,
}

impl Ses {
    /// Mails from this address.
    #[must_use]
    pub fn new(client: Client, sender: impl Into<String>) -> Self {
        Self {
            client,
            sender: sender.into(),
        }
    }
}

fn content(email: &Email) -> Result<EmailContent, BuildError> {
    let text = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(text(&email.body)?).build();
    let message = Message::builder()
        .subject(text(&email.subject)?)
        .body(body)
        .build();
    Ok(EmailContent::builder().simple(message).build())
}

/// Only the code: the text of a refusal names the address.
fn failed(code: Option<&str>) -> NoticeError {
    match code {
        Some(code @ ("MessageRejected" | "BadRequestException")) => {
            NoticeError::Refused(code.to_owned())
        }
        code => Unavailable::new("ses:SendEmail", code.unwrap_or("no answer").to_owned()).into(),
    }
}

impl SendEmail for Ses {
    async fn send(&self, email: &Email) -> Result<(), NoticeError> {
        let content = content(email).map_err(|_| failed(Some("BadRequestException")))?;
        let request = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(&email.to).build())
            .content(content);
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
            failed(Some("MessageRejected")),
            NoticeError::Refused(_)
        ));
        for code in [
            Some("TooManyRequestsException"),
            Some("SendingPausedException"),
            None,
        ] {
            assert!(
                matches!(failed(code), NoticeError::Unavailable(_)),
                "{code:?}"
            );
        }
    }
}
