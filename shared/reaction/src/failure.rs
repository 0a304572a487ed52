//! How a handler fails, and which errors can be cured by another attempt: decided here, once.

use std::error::Error;
use std::sync::Arc;

use envelope::{Forged, InvalidId, TooManyHops, UnreadableEvent};
use event_store::{
    AppendAllError, AppendError, ExecuteError, LoadError, ReadError, UnreadableHistory,
};
use ports::{Contended, Unavailable};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A failed attempt. An error of a handler's own says which of the two it is. Events that are handled
/// together may share one.
#[derive(Debug, Clone)]
pub enum Failure {
    /// It may pass: try again.
    Transient(Arc<dyn Error + Send + Sync>),
    /// It never will: give the event up now.
    Terminal(Arc<dyn Error + Send + Sync>),
}

impl Failure {
    /// A failure that another attempt may cure.
    pub fn transient(error: impl Into<BoxError>) -> Self {
        Self::Transient(Arc::from(error.into()))
    }

    /// A failure that no further attempt can cure.
    pub fn terminal(error: impl Into<BoxError>) -> Self {
        Self::Terminal(Arc::from(error.into()))
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Transient(error) | Self::Terminal(error) => error.as_ref(),
        }
    }

    fn final_if(is_final: bool, error: impl Into<BoxError>) -> Self {
        if is_final {
            Self::terminal(error)
        } else {
            Self::transient(error)
        }
    }
}

fn unreadable(error: &ReadError) -> bool {
    matches!(error, ReadError::Corrupt { .. })
}

fn cannot_load(error: &LoadError) -> bool {
    match error {
        LoadError::InvalidId(_) | LoadError::History(_) => true,
        LoadError::Read(error) => unreadable(error),
    }
}

fn cannot_append(error: &AppendError) -> bool {
    match error {
        AppendError::TooLarge { .. } | AppendError::EventTooLarge { .. } => true,
        AppendError::Unreadable(error) => unreadable(error),
        AppendError::Conflict(_) | AppendError::Busy | AppendError::Unavailable(_) => false,
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::final_if(unreadable(&error), error)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::final_if(cannot_load(&error), error)
    }
}

impl From<AppendAllError> for Failure {
    fn from(error: AppendAllError) -> Self {
        let is_final = matches!(&error, AppendAllError::Append(error) if cannot_append(error));
        Self::final_if(is_final, error)
    }
}

/// A refusal rests on a strongly consistent read: asking again gets the same answer.
impl<R: Error + Send + Sync + 'static> From<ExecuteError<R>> for Failure {
    fn from(error: ExecuteError<R>) -> Self {
        let is_final = match &error {
            ExecuteError::Rejected(_) => true,
            ExecuteError::Contended => false,
            ExecuteError::Load(error) => cannot_load(error),
            ExecuteError::Append(error) => cannot_append(error),
        };
        Self::final_if(is_final, error)
    }
}

macro_rules! always {
    ($kind:ident: $($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$kind(Arc::new(error))
            }
        })*
    };
}

always!(Transient: Unavailable, Contended);
always!(Terminal: UnreadableEvent, UnreadableHistory, InvalidId, TooManyHops, Forged);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_another_attempt_can_cure_is_tried_again() {
        let unavailable = || Unavailable::new("dynamodb:PutItem", "throttled");
        let too_large = AppendError::TooLarge { bytes: 2, max: 1 };
        let corrupt = ReadError::Corrupt {
            stream: "Order#1".to_owned(),
            version: 1,
            what: "garbled".to_owned(),
        };
        type Execute = ExecuteError<std::io::Error>;
        let is_final = |failure: Failure| matches!(failure, Failure::Terminal(_));
        assert!(!is_final(unavailable().into()));
        assert!(!is_final(
            Execute::Append(AppendError::Unavailable(unavailable())).into()
        ));
        assert!(!is_final(Execute::Contended.into()));
        assert!(!is_final(AppendAllError::Busy.into()));
        assert!(is_final(
            Execute::Rejected(std::io::Error::other("no")).into()
        ));
        assert!(is_final(Execute::Append(too_large).into()));
        assert!(is_final(LoadError::Read(corrupt).into()));
    }
}
