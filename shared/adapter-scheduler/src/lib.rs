//! Timers on Amazon EventBridge Scheduler: one schedule for each, which sends its message to a queue
//! and is gone. The only crate that names its SDK.
//!
//! The scheduler keeps the minute and not the second, and does not say what it makes of seconds
//! (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>). So a moment is rounded
//! up to the minute, that no timer goes off too early, and one goes off up to two minutes after its
//! moment. What cannot be delivered within a day ends in a dead-letter queue.
//!
//! A role that sets timers needs `scheduler:CreateSchedule` on the schedules of the group, and
//! `iam:PassRole` on the role that the scheduler sends with; that one needs `sqs:SendMessage` on the
//! queue and on its dead-letter queue.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use envelope::Timestamp;
use ports::{Soon, Timers, Unavailable};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SDK, for whoever has to make a client.
pub use aws_sdk_scheduler;

/// The longest name of a schedule, in characters
/// (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>).
const NAME_CHARS_MAX: usize = 64;

/// The largest message, in bytes
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>).
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// For how long a message is tried to be delivered, in seconds, and how often: as long and as often
/// as it can be (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html>).
const AGE_SECONDS_MAX: i32 = 86_400;
const RETRIES_MAX: i32 = 185;

/// What schedules are made of, besides their moment and message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Name of the group that schedules are created in.
    pub group: String,
    /// The role that the scheduler sends with.
    pub role_arn: String,
    /// The queue that messages are sent to.
    pub queue_arn: String,
    /// The queue for messages that could not be.
    pub dead_letters_arn: String,
}

/// Timers of one queue. Clones share the connection to the service.
///
/// # Cost
/// A timer is one `CreateSchedule`, which is free, and one invocation.
#[derive(Debug, Clone)]
pub struct SchedulerTimers {
    client: Client,
    delivery: Delivery,
}

/// A message that no schedule can carry. It will not become smaller: the event is given up in the end,
/// with this reason.
#[derive(Debug, thiserror::Error)]
#[error("a timer's message has {0} bytes, and at most {MESSAGE_BYTES_MAX} are possible")]
struct TooLarge(usize);

impl SchedulerTimers {
    /// Timers whose messages are delivered like this.
    #[must_use]
    pub fn new(client: Client, delivery: Delivery) -> Self {
        Self { client, delivery }
    }

    fn target(&self, input: String) -> Target {
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(AGE_SECONDS_MAX)
            .maximum_retry_attempts(RETRIES_MAX);
        let dead_letters = DeadLetterConfig::builder().arn(&self.delivery.dead_letters_arn);
        Target::builder()
            .arn(&self.delivery.queue_arn)
            .role_arn(&self.delivery.role_arn)
            .input(input)
            .retry_policy(retries.build())
            .dead_letter_config(dead_letters.build())
            .build()
            .expect("a target has an ARN and a role")
    }
}

const OPERATION: &str = "scheduler:CreateSchedule";

impl Timers for SchedulerTimers {
    async fn set(&self, name: &str, at: Timestamp, message: &Value) -> Result<(), Unavailable> {
        let input = input(message);
        if input.len() > MESSAGE_BYTES_MAX {
            let too_large = TooLarge(input.len());
            return Err(Unavailable::new(OPERATION, too_large).again(Soon::Unlikely));
        }
        let exactly = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
        let request = self
            .client
            .create_schedule()
            .name(schedule_name(name))
            .group_name(&self.delivery.group)
            .schedule_expression(expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(exactly.build().expect("a window has a mode"))
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(self.target(input));
        let Err(error) = request.send().await else {
            return Ok(());
        };
        let service = error.as_service_error();
        // It was set before.
        if service.is_some_and(CreateScheduleError::is_conflict_exception) {
            return Ok(());
        }
        let soon = soon(&error);
        Err(Unavailable::new(OPERATION, error).again(soon))
    }
}

/// The name of a timer's schedule: the same for the same timer, and for no other.
///
/// It is the timer's own where a schedule may have that, so that it can be looked for. All others
/// become digests, which have 64 characters; so own names have fewer, and none is taken for a digest.
fn schedule_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    if (1..NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(plain) {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The message as the scheduler hands it on: it puts other things in the place of words like
/// `<aws.scheduler.execution-id>`, which would break the seal of an event in which somebody wrote one
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>).
/// In JSON a `<` stands in texts alone, and can be written otherwise. (Only where it has to be: the largest
/// order fits into a schedule also if it is made of nothing else.)
fn input(message: &Value) -> String {
    message.to_string().replace("<aws.", "\\u003caws.")
}

/// The moment in the scheduler's notation: the next full minute.
fn expression(at: Timestamp) -> String {
    const MINUTE_MS: i64 = 60_000;
    let millis = at.as_millis();
    let full = millis.saturating_add(MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS;
    let text = Timestamp::from_millis(full).to_string();
    // Without a part of a second, RFC 3339 is this notation and a `Z`.
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("at({seconds})")
}

/// Whether the same request may succeed within seconds: by the status, as the service documents it
/// (<https://docs.aws.amazon.com/scheduler/latest/APIReference/CommonErrors.html>). A moment that the
/// service thinks to be past is refused (400); whoever tries again finds that it has come.
fn soon<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Soon {
    match error.raw_response() {
        Some(answer) if answer.status().as_u16() == 429 => Soon::Throttled,
        Some(answer) if answer.status().is_client_error() => Soon::Unlikely,
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Soon::Unlikely,
        _ => Soon::Likely,
    }
}

#[cfg(test)]
mod tests;
