//! Large objects in an Amazon S3 bucket. The only crate that names its SDK.
//!
//! No bucket of one's own is needed, so keys may have a prefix. An object is put without a condition:
//! its key belongs to its content. S3 shows an object to every reader as soon as the put has
//! succeeded (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).
//!
//! A role that writes needs `s3:PutObject`; one that reads needs `s3:GetObject`, and `s3:ListBucket`
//! on the bucket: without the latter S3 does not tell whether an object is missing or forbidden
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>), and a missing one is then
//! [`Unavailable`].

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use ports::{GetPayload, PutPayload, Soon, Unavailable};

/// The SDK, for whoever has to make a client.
pub use aws_sdk_s3;

/// Objects in one bucket. Clones share the connection.
///
/// # Cost
/// A put is one `PutObject` and a get one `GetObject`, whatever the object's size.
#[derive(Debug, Clone)]
pub struct Payloads {
    client: Client,
    bucket: String,
    prefix: String,
}

impl Payloads {
    /// The objects of this bucket whose keys begin with `prefix`, which may be empty and is at most
    /// 128 bytes long.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            prefix: prefix.into(),
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl PutPayload for Payloads {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Unavailable> {
        let request = self.client.put_object().bucket(&self.bucket);
        let request = request.key(self.key(key)).body(ByteStream::from(bytes));
        let sent = request.send().await;
        sent.map(drop).map_err(unavailable("s3:PutObject"))
    }
}

impl GetPayload for Payloads {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        const OPERATION: &str = "s3:GetObject";
        let request = self.client.get_object().bucket(&self.bucket);
        let object = match request.key(self.key(key)).send().await {
            Ok(object) => object,
            Err(error) => {
                let missing = error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key);
                return if missing {
                    Ok(None)
                } else {
                    Err(unavailable(OPERATION)(error))
                };
            }
        };
        // The connection may break in the middle of an object.
        let bytes = object.body.collect().await;
        let bytes = bytes.map_err(|error| Unavailable::new(OPERATION, error))?;
        Ok(Some(bytes.to_vec()))
    }
}

/// Whatever the service answered that is not part of the contract.
fn unavailable<E>(operation: &'static str) -> impl FnOnce(SdkError<E>) -> Unavailable
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        let soon = soon(&error);
        Unavailable::new(operation, error).again(soon)
    }
}

/// Whether the same request may succeed within seconds. S3 tells that by the status, and by two codes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>); unlike those of a
/// table, which answers 400 to whatever a client is to blame for, throttling included.
fn soon<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Soon {
    let code = error.as_service_error().and_then(|error| error.code());
    match (code, error.raw_response()) {
        (Some("SlowDown"), _) => Soon::Throttled,
        (Some("RequestTimeout"), _) => Soon::Likely,
        (_, Some(answer)) if answer.status().is_client_error() => Soon::Unlikely,
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Soon::Unlikely,
        _ => Soon::Likely,
    }
}

#[cfg(test)]
mod tests;
