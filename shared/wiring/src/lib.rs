//! What every function's `main` does: read the environment, connect, and run under Lambda.
//!
//! Only what (nearly) every function needs is made here; a function that talks to something else
//! makes its own client from [`Wiring::aws`], so that its `main` shows what its role must allow.

use std::time::Duration;

use adapter_dynamodb::{Client, Connections, EventStore, Views};
use adapter_scheduler::{Delivery, SchedulerTimers};
use adapter_sqs::Queue;
use aws_config::{BehaviorVersion, SdkConfig};
use envelope::{Sealer, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};
use ports::{Clock, Deadline, SystemClock};
use reaction::{Consume, Host, React, ReactTogether, Verified, VerifiedTogether};
use serde_json::Value;
use telemetry::{Telemetry, metric};

/// Whatever ends a function's process.
pub use lambda_runtime::Error;

/// How often an event is tried where the environment does not say.
const ATTEMPTS_MAX: u32 = 5;

/// How long one attempt at connecting may take. Functions are meant to fail soon and try again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one request may take before the SDK tries it again. A connection that died while the
/// function was frozen would otherwise be waited for until the function's own time is up.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// A variable that the function cannot do without.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {0} is not set; the template in infra/ sets it")]
pub struct MissingVariable(&'static str);

/// Reads a variable of the function's environment.
///
/// # Errors
/// [`MissingVariable`] when it is not set.
pub fn variable(name: &'static str) -> Result<String, MissingVariable> {
    std::env::var(name).map_err(|_| MissingVariable(name))
}

/// What a function is made of.
pub struct Wiring {
    aws: SdkConfig,
    telemetry: Telemetry,
}

impl Wiring {
    /// Sets up telemetry and reads the SDK's configuration.
    pub async fn start() -> Self {
        let namespace =
            std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "event-router".into());
        let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let telemetry = Telemetry::start(&namespace, &function);
        let timeouts = aws_config::timeout::TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .load()
            .await;
        Self { aws, telemetry }
    }

    /// The SDK's configuration.
    #[must_use]
    pub fn aws(&self) -> &SdkConfig {
        &self.aws
    }

    /// The event store.
    ///
    /// # Errors
    /// [`MissingVariable`] without `EVENTS_TABLE`.
    pub fn event_store(&self) -> Result<EventStore, MissingVariable> {
        Ok(EventStore::new(
            Client::new(&self.aws),
            variable("EVENTS_TABLE")?,
        ))
    }

    /// The read models.
    ///
    /// # Errors
    /// [`MissingVariable`] without `VIEWS_TABLE`.
    pub fn views(&self) -> Result<Views, MissingVariable> {
        Ok(Views::new(Client::new(&self.aws), variable("VIEWS_TABLE")?))
    }

    /// The open connections of the socket.
    ///
    /// # Errors
    /// [`MissingVariable`] without `CONNECTIONS_TABLE`.
    pub fn connections(&self) -> Result<Connections, MissingVariable> {
        let table = variable("CONNECTIONS_TABLE")?;
        Ok(Connections::new(Client::new(&self.aws), table))
    }

    /// The function's dead-letter queue.
    ///
    /// # Errors
    /// [`MissingVariable`] without `DEAD_LETTER_QUEUE_URL`.
    pub fn dead_letters(&self) -> Result<Queue, MissingVariable> {
        Ok(self.queue(variable("DEAD_LETTER_QUEUE_URL")?))
    }

    /// Timers that go off in the function's own queue.
    ///
    /// # Errors
    /// [`MissingVariable`] without `TIMER_GROUP`, `TIMER_ROLE_ARN`, `QUEUE_ARN` or
    /// `DEAD_LETTER_QUEUE_ARN`.
    pub fn timers(&self) -> Result<SchedulerTimers, MissingVariable> {
        let delivery = Delivery {
            group: variable("TIMER_GROUP")?,
            role_arn: variable("TIMER_ROLE_ARN")?,
            queue_arn: variable("QUEUE_ARN")?,
            dead_letters_arn: variable("DEAD_LETTER_QUEUE_ARN")?,
        };
        let client = adapter_scheduler::aws_sdk_scheduler::Client::new(&self.aws);
        Ok(SchedulerTimers::new(client, delivery))
    }

    fn queue(&self, url: String) -> Queue {
        Queue::new(adapter_sqs::aws_sdk_sqs::Client::new(&self.aws), url)
    }

    /// What puts the seal on events, and checks it.
    ///
    /// # Errors
    /// [`MissingVariable`] without `SEAL_KEY`.
    pub fn sealer(&self) -> Result<Sealer, MissingVariable> {
        Ok(Sealer::new(variable("SEAL_KEY")?.as_bytes()))
    }

    /// Runs a reaction to this system's own events.
    ///
    /// # Errors
    /// When the environment is incomplete, or Lambda's runtime API is gone.
    pub async fn react<R: React>(self, reaction: R) -> Result<(), Error> {
        let sealer = self.sealer()?;
        self.consume(Verified::new(reaction, sealer)).await
    }

    /// Runs a reaction to several of this system's own events at once.
    ///
    /// # Errors
    /// When the environment is incomplete, or Lambda's runtime API is gone.
    pub async fn react_together<R: ReactTogether>(self, reaction: R) -> Result<(), Error> {
        let sealer = self.sealer()?;
        self.consume(VerifiedTogether::new(reaction, sealer)).await
    }

    /// Runs a consumer of messages.
    ///
    /// # Errors
    /// When the environment is incomplete, or Lambda's runtime API is gone.
    pub async fn consume<H: Consume>(self, handler: H) -> Result<(), Error> {
        let attempts_max = std::env::var("ATTEMPTS_MAX")
            .ok()
            .and_then(|text| text.parse().ok());
        let (queue, dead_letters) = (self.queue(variable("QUEUE_URL")?), self.dead_letters()?);
        let host = Host::new(
            handler,
            queue,
            dead_letters,
            SystemClock,
            attempts_max.unwrap_or(ATTEMPTS_MAX),
        );
        self.run(|payload, deadline| host.handle(payload, deadline))
            .await
    }

    /// Runs a function that is not the host of a reaction, from JSON to JSON until its deadline, and
    /// counts its calls.
    ///
    /// # Errors
    /// When Lambda's runtime API is gone.
    pub async fn serve<F, E>(
        self,
        function: impl Fn(Value, Timestamp) -> F + Send + Sync,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<Value, E>> + Send,
        E: std::error::Error + Send + Sync + 'static,
    {
        let function = &function;
        self.run(move |payload, deadline| async move {
            let began = SystemClock.now();
            let answer = function(payload, deadline).await;
            let name = if answer.is_ok() {
                metric::HANDLED
            } else {
                metric::FAILED
            };
            metrics::counter!(name).increment(1);
            #[expect(
                clippy::cast_precision_loss,
                reason = "no call takes 2^52 milliseconds"
            )]
            let duration_ms = SystemClock.now().millis_since(began) as f64;
            metrics::histogram!(metric::DURATION_MS).record(duration_ms);
            answer
        })
        .await
    }

    async fn run<F, E>(
        self,
        function: impl Fn(Value, Timestamp) -> F + Send + Sync,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<Value, E>> + Send,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (function, telemetry) = (&function, self.telemetry);
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
            let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
            let deadline = Timestamp::from_millis(deadline);
            // Boxed, because the compiler cannot look through the SDK's futures and these at once.
            let answer = Box::pin(function(event.payload, deadline));
            let answer = Deadline::at(deadline).around(answer).await;
            telemetry.flush();
            answer.map_err(Error::from)
        }))
        .await
    }
}
