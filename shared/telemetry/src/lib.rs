//! Logs and metrics: both are lines of JSON on standard output, which is all that Lambda asks for.
//!
//! Logs carry ids and never a payload. Metrics are in CloudWatch's embedded format, so that they
//! cost no request; they are written once for each invocation.

use metrics::Unit;
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::EnvFilter;

/// What every function counts, for itself and for each event type.
pub mod metric {
    /// Events handled, duplicates not included. Unit: count.
    pub const HANDLED: &str = "Handled";
    /// Events that had been handled before. Unit: count.
    pub const DUPLICATE: &str = "Duplicate";
    /// Attempts that failed, dead letters included. Unit: count.
    pub const FAILED: &str = "Failed";
    /// Events given up. Unit: count.
    pub const DEAD_LETTER: &str = "DeadLetter";
    /// Events that the bus took from the relay. Unit: count.
    pub const PUBLISHED: &str = "Published";
    /// Frames that connections took. Unit: count.
    pub const PUSHED: &str = "Pushed";
    /// Sagas that were met waiting for a person. Unit: count.
    pub const SAGA_STUCK: &str = "SagaStuck";
    /// Age of a commit when the relay published it. Unit: milliseconds.
    pub const RELAY_LAG_MS: &str = "RelayLagMs";
    /// Time that one attempt took. Unit: milliseconds.
    pub const DURATION_MS: &str = "DurationMs";
    /// Age of the event when the attempt began. Unit: milliseconds.
    pub const EVENT_AGE_MS: &str = "EventAgeMs";

    pub(crate) const COUNTS: [&str; 7] = [
        HANDLED,
        DUPLICATE,
        FAILED,
        DEAD_LETTER,
        PUBLISHED,
        PUSHED,
        SAGA_STUCK,
    ];
    pub(crate) const TIMES: [&str; 3] = [DURATION_MS, EVENT_AGE_MS, RELAY_LAG_MS];
}

/// Holds the metrics of this process until they are written.
#[derive(Clone, Copy)]
pub struct Telemetry(Option<&'static Collector>);

impl Telemetry {
    /// Sets up logs and metrics for this process. `RUST_LOG` filters logs (default `info`).
    #[must_use]
    pub fn start(namespace: &str, function: &str) -> Self {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        // A second call in one process (in a test) keeps what the first one set up.
        let _ = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_target(false)
            .with_env_filter(filter)
            .try_init();
        let collector = Builder::new()
            .cloudwatch_namespace(namespace.to_owned())
            .with_dimension("Function", function.to_owned())
            .init();
        for name in metric::COUNTS {
            metrics::describe_counter!(name, Unit::Count, "");
        }
        for name in metric::TIMES {
            metrics::describe_histogram!(name, Unit::Milliseconds, "");
        }
        Self(collector.ok())
    }

    /// Writes what was measured since the last time. A failure to write is no reason to fail the work.
    pub fn flush(self) {
        if let Some(collector) = self.0 {
            let _ = collector.flush(std::io::stdout());
        }
    }
}

/// An error with all its causes, outermost first.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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
