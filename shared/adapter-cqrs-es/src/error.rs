//! Why the repository did not do what it was asked, and what the framework is told of it.
//!
//! cqrs-es has four errors, and three of them hold a boxed one: it is always a [`RepositoryError`],
//! so that a caller who needs to know more can look into the box.

use cqrs_es::persist::PersistenceError;
use envelope::{InvalidId, Version};
use event_store::{AppendError, ReadError};

/// Why the repository did not do what it was asked. It is in the box of the framework's error.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The aggregate's type or id, or the command's id, cannot be part of a key.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The stream could not be read, or a row of it cannot.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The events were not stored; after [`AppendError::Unavailable`] that is unknown.
    #[error(transparent)]
    Append(AppendError),
    /// A commit is missing.
    #[error("{stream} has a hole: a commit at version {found} follows version {version}")]
    Hole {
        /// The stream.
        stream: String,
        /// The last version in front of the hole.
        version: Version,
        /// Where the next commit starts.
        found: Version,
    },
    /// What a commit says of its events in the framework's terms cannot be read.
    #[error("the commit at {stream} version {version} cannot be read: {what}")]
    Unreadable {
        /// The stream.
        stream: String,
        /// Version of the commit's first event.
        version: Version,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The events of one call cannot be one commit.
    #[error("the events cannot be stored together: {0}")]
    Batch(&'static str),
    /// The command was carried out before: its id is among the newest ones of the stream. Nothing
    /// was stored.
    #[error("the command {0} was carried out before")]
    Duplicate(String),
    /// The framework is to be told that there is no state to start from, but the aggregate takes
    /// every JSON for a state.
    #[error(
        "{0} can be read from any JSON, so it can only be folded from events: use an event store"
    )]
    Formless(&'static str),
}

impl From<RepositoryError> for PersistenceError {
    fn from(error: RepositoryError) -> Self {
        use RepositoryError as E;
        match error {
            // Neither stored anything, and a command that is decided anew may succeed.
            E::Append(AppendError::Conflict(_) | AppendError::Busy) => Self::OptimisticLockError,
            E::Read(ReadError::Unavailable(_)) | E::Append(AppendError::Unavailable(_)) => {
                Self::ConnectionError(Box::new(error))
            }
            E::Read(ReadError::Corrupt { .. })
            | E::Append(AppendError::Unreadable(_))
            | E::Hole { .. }
            | E::Unreadable { .. } => Self::DeserializationError(Box::new(error)),
            E::Append(AppendError::TooLarge { .. } | AppendError::EventTooLarge { .. })
            | E::InvalidId(_)
            | E::Batch(_)
            | E::Duplicate(_)
            | E::Formless(_) => Self::UnknownError(Box::new(error)),
        }
    }
}
