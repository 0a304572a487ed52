//! Frames to the connections of an Amazon API Gateway WebSocket API. The only crate that names its SDK.
//!
//! The service is asked at the API's own address, stage included: each API has another, and an
//! emulator has them under one host (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>).
//! A role that sends needs `execute-api:ManageConnections` on that API.

use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigatewaymanagement::operation::post_to_connection::PostToConnectionError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use ports::{SendError, SendFrame, Soon, Unavailable};

/// The SDK, for whoever has to make a client.
pub use aws_sdk_apigatewaymanagement;

/// The connections of one API. Clones share the connection to the service.
///
/// # Cost
/// A frame is one `PostToConnection`, and one message on the bill for each 32 KB.
#[derive(Debug, Clone)]
pub struct Sockets {
    client: Client,
}

impl Sockets {
    /// The connections of the API behind a client that was made for its address.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

/// A client for the API at this address, `https://{api}.execute-api.{region}.amazonaws.com/{stage}`.
#[must_use]
pub fn client_at(
    configuration: aws_sdk_apigatewaymanagement::config::Builder,
    address: impl Into<String>,
) -> Client {
    Client::from_conf(configuration.endpoint_url(address).build())
}

impl SendFrame for Sockets {
    async fn send(&self, connection: &str, text: &str) -> Result<(), SendError> {
        let request = self.client.post_to_connection();
        let request = request.connection_id(connection).data(Blob::new(text));
        let Err(error) = request.send().await else {
            return Ok(());
        };
        let service = error.as_service_error();
        if service.is_some_and(PostToConnectionError::is_gone_exception) {
            return Err(SendError::Gone);
        }
        let soon = soon(&error);
        Err(Unavailable::new("execute-api:ManageConnections", error)
            .again(soon)
            .into())
    }
}

/// Whether the same request may succeed within seconds: by the status, as the service documents it
/// (<https://docs.aws.amazon.com/apigatewaymanagementapi/latest/api/API_PostToConnection.html>).
fn soon<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Soon {
    match error.raw_response() {
        Some(answer) if answer.status().as_u16() == 429 => Soon::Throttled,
        Some(answer) if answer.status().is_client_error() => Soon::Unlikely,
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Soon::Unlikely,
        _ => Soon::Likely,
    }
}

#[cfg(test)]
mod tests;
