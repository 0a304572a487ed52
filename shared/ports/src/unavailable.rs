//! The one error of every remote service that a later attempt may cure.
//!
//! It can be cloned, because commands that share a write share its failure.

use std::sync::Arc;

/// A remote service did not do what was asked: it was throttled, timed out, unreachable or broken.
/// Whether the request took effect is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} is not available")]
pub struct Unavailable {
    /// What was asked for, in the service's own words: `dynamodb:PutItem`.
    pub operation: &'static str,
    /// Whether the same request may succeed within seconds.
    pub soon: Soon,
    /// What the client said.
    #[source]
    pub source: Arc<dyn std::error::Error + Send + Sync>,
}

/// An error that may be that a service is not available.
pub trait Passing: From<Unavailable> {
    /// What is not available, if that is the error.
    fn unavailable(&self) -> Option<&Unavailable>;
}

impl Passing for Unavailable {
    fn unavailable(&self) -> Option<&Unavailable> {
        Some(self)
    }
}

/// Whether it is worth to send the same request again within seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soon {
    /// It was throttled: it had no effect, and comes through when there is less to do.
    Throttled,
    /// A network or a server failed, as they do now and then. It may have had an effect.
    Likely,
    /// Something is set up wrong (a role, a table, an address): not before somebody mends it.
    Unlikely,
}

impl Unavailable {
    /// Wraps what the client said about a request that may well succeed next time.
    pub fn new(
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            soon: Soon::Likely,
            source: Arc::from(source.into()),
        }
    }

    /// The same with what is known about another attempt.
    #[must_use]
    pub fn again(self, soon: Soon) -> Self {
        Self { soon, ..self }
    }
}
