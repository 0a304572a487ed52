//! The event store and the views on Amazon DynamoDB. The only crate that names its SDK.
//!
//! Attribute names are one letter long, because names are billed with every item.

mod event_store;
mod item;
mod stream_record;
mod views;

pub use event_store::EventStore;
pub use stream_record::{NotACommit, commit_of_record, record_of_commit};
pub use views::Views;

/// The SDK's client, for whoever has to make one with options of their own.
pub use aws_sdk_dynamodb::Client;

use ports::Unavailable;

/// Whatever the service answered that is not part of the contract: a later attempt may succeed.
fn unavailable<E, R>(
    operation: &'static str,
) -> impl FnOnce(aws_sdk_dynamodb::error::SdkError<E, R>) -> Unavailable
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| Unavailable::new(operation, error)
}
