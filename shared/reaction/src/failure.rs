//! How a handler fails: to be tried again, unless it says otherwise.

use std::error::Error;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A failed attempt. The default, and what `?` makes of any error, is that it may pass.
#[derive(Debug)]
pub enum Failure {
    /// It may pass: try again.
    Transient(BoxError),
    /// It never will: give the event up now.
    Terminal(BoxError),
}

impl Failure {
    /// A failure that no further attempt can cure.
    pub fn terminal(error: impl Into<BoxError>) -> Self {
        Self::Terminal(error.into())
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Transient(error) | Self::Terminal(error) => error.as_ref(),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Transient(error.into())
    }
}

/// An error with all its causes, outermost first.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}
