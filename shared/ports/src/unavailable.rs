//! The one error of every remote service that a later attempt may cure.

/// A remote service did not do what was asked: it was throttled, timed out, unreachable or broken.
/// Whether the request took effect is unknown.
#[derive(Debug, thiserror::Error)]
#[error("{operation} is not available")]
pub struct Unavailable {
    /// What was asked for, in the service's own words: `dynamodb:PutItem`.
    pub operation: &'static str,
    /// What the client said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps what the client said.
    pub fn new(
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            source: source.into(),
        }
    }
}
