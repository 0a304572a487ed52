//! The event store, the views and the open connections on Amazon DynamoDB. The only crate that names its SDK.
//!
//! Attribute names are one letter long, because names are billed with every item.

mod connections;
mod event_store;
mod item;
mod scan;
mod stream_batch;
mod stream_record;
mod view_record;
mod views;

pub use connections::Connections;
pub use event_store::EventStore;
pub use stream_batch::{BatchFailed, batch_answer, records_of};
pub use stream_record::{NotACommit, commit_of_record, record_of_commit};
pub use view_record::{SavedView, record_of_view, view_of_record};
pub use views::{LISTS_INDEX, Views};

/// The SDK's client, for whoever has to make one with options of their own.
pub use aws_sdk_dynamodb::Client;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use ports::{Soon, Unavailable};

/// The codes by which DynamoDB says that a request had no effect because there are too many
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
const THROTTLED: [&str; 5] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
];

/// Whatever the service answered that is not part of the contract.
fn unavailable<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> Unavailable
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| {
        let soon = soon(&error);
        Unavailable::new(operation, error).again(soon)
    }
}

/// Whether the same request may succeed within seconds. An answer that is neither throttling nor a
/// server's failure says that the request itself is wrong: a role, a table, a parameter.
fn soon<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Soon {
    let Some(service) = error.as_service_error() else {
        return match error {
            SdkError::ConstructionFailure(_) => Soon::Unlikely,
            _ => Soon::Likely,
        };
    };
    match service.code() {
        Some(code) if THROTTLED.contains(&code) => Soon::Throttled,
        // A transaction that is in progress is our own: the answer to the first attempt was lost. One
        // that is in conflict with the request is somebody else's, and over in a moment.
        Some(
            "InternalServerError"
            | "ServiceUnavailable"
            | "TransactionCanceledException"
            | "TransactionConflictException"
            | "TransactionInProgressException",
        )
        | None => Soon::Likely,
        Some(_) => Soon::Unlikely,
    }
}
