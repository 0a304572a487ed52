//! One invocation: every message of it is handled, handed back, or a dead letter.
//!
//! The function itself writes the dead letter on its last attempt, with the reason. The queue's
//! own redrive, which knows no reason, is left for what the function cannot answer for: a crash, a
//! time-out, or a dead-letter queue that takes nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use envelope::Timestamp;
use futures::StreamExt;
use ports::{Backoff, Class, Clock, DeadLetter, DeadLetters, Redeliver, Unavailable};
use serde_json::{Value, json};
use telemetry::{chain, metric};
use tracing::{error, info, warn};

use crate::{Consume, Done, Failure, Message};

/// What is left of the function's time when a handler is stopped, to answer for it.
const MARGIN: Duration = Duration::from_secs(2);

/// A message is not begun with less than this left, in milliseconds.
const MESSAGE_MS_MIN: u64 = 3_000;

/// When a message comes again that was not begun.
const NOT_BEGUN_WAIT: Duration = Duration::from_secs(5);

/// A handler with what it needs around it.
#[derive(Clone)]
pub struct Host<H, Q, D, C> {
    handler: H,
    queue: Q,
    dead_letters: D,
    clock: C,
    attempts_max: u32,
}

/// A direct invocation that failed; Lambda tries it again.
#[derive(Debug, thiserror::Error)]
#[error("the event was not handled, and is to be delivered again")]
pub struct InvocationFailed;

/// An attempt that was stopped.
#[derive(Debug, thiserror::Error)]
#[error("stopped after {0} ms: the function's time is up")]
struct TimedOut(u128);

impl<H: Consume, Q: Redeliver, D: DeadLetters, C: Clock> Host<H, Q, D, C> {
    /// A host that gives an event up after `attempts_max` attempts.
    pub fn new(handler: H, queue: Q, dead_letters: D, clock: C, attempts_max: u32) -> Self {
        Self {
            handler,
            queue,
            dead_letters,
            clock,
            attempts_max,
        }
    }

    /// Handles what Lambda delivered until `deadline`, and answers as Lambda expects it: with the
    /// messages of a batch that are to be delivered again.
    ///
    /// # Errors
    /// [`InvocationFailed`], only when Lambda was invoked with a single event and not through a queue.
    pub async fn handle(
        &self,
        payload: Value,
        deadline: Timestamp,
    ) -> Result<Value, InvocationFailed> {
        let Some(records) = payload.get("Records").and_then(Value::as_array) else {
            let settled = self.settle(vec![Message::bare(payload)], deadline).await;
            return if settled.iter().all(|(_, kept)| *kept) {
                Ok(Value::Null)
            } else {
                Err(InvocationFailed)
            };
        };
        let attempts = futures::stream::iter(self.groups(records))
            .map(|messages| self.settle(messages, deadline))
            .buffer_unordered(H::CONCURRENCY)
            .flat_map(futures::stream::iter);
        let again = attempts.filter_map(async |(id, kept)| {
            (!kept).then(|| json!({ "itemIdentifier": id.unwrap_or_default() }))
        });
        Ok(json!({ "batchItemFailures": again.collect::<Vec<_>>().await }))
    }

    /// The messages of a batch, those with the same key together.
    fn groups(&self, records: &[Value]) -> Vec<Vec<Message>> {
        let mut groups: Vec<Vec<Message>> = Vec::new();
        let mut places = HashMap::new();
        for message in records.iter().map(Message::of_record) {
            let new = groups.len();
            let key = self.handler.key(&message);
            let place = key.map_or(new, |key| *places.entry(key).or_insert(new));
            match groups.get_mut(place) {
                Some(group) => group.push(message),
                None => groups.push(vec![message]),
            }
        }
        groups
    }

    /// Handles messages with the same key. `false` means that one is to be delivered again.
    async fn settle(
        &self,
        messages: Vec<Message>,
        deadline: Timestamp,
    ) -> Vec<(Option<String>, bool)> {
        let began = self.clock.now();
        let late = deadline.millis_since(began) < MESSAGE_MS_MIN;
        let mut settled = Vec::with_capacity(messages.len());
        if late && messages.iter().all(|message| message.receipt.is_some()) {
            for message in messages {
                self.not_begun(&message).await;
                settled.push((message.id, false));
            }
            return settled;
        }
        let results = self.attempt(&messages, began, deadline).await;
        let duration_ms = self.clock.now().millis_since(began);
        for (message, result) in messages.into_iter().zip(results) {
            self.measure(&message, began, duration_ms, &result);
            let kept = match result {
                Ok(done) => {
                    info!(
                        event.id = message.event_id(), event.type = message.event_type(),
                        correlation.id = message.correlation_id(), attempt = message.attempt,
                        duration_ms, outcome = ?done, "event handled"
                    );
                    true
                }
                Err(failure) => self.fail(&message, &failure, duration_ms).await,
            };
            settled.push((message.id, kept));
        }
        settled
    }

    /// A message that there was no time left for has failed at nothing: it comes again soon, and the
    /// function does not give it up. (The queue counts the delivery all the same, which is why serial
    /// handlers get small batches.)
    async fn not_begun(&self, message: &Message) {
        warn!(
            event.id = message.event_id(), event.type = message.event_type(),
            attempt = message.attempt, "not begun: the function's time is up"
        );
        if let Some(receipt) = &message.receipt
            && let Err(unavailable) = self.queue.redeliver(receipt, NOT_BEGUN_WAIT).await
        {
            warn!(
                error = chain(&unavailable),
                "the event comes again when the queue's time-out ends"
            );
        }
    }

    async fn attempt(
        &self,
        messages: &[Message],
        began: Timestamp,
        deadline: Timestamp,
    ) -> Vec<Result<Done, Failure>> {
        let left = Duration::from_millis(deadline.millis_since(began)).saturating_sub(MARGIN);
        let attempt = tokio::time::timeout(left, self.handler.consume_together(messages)).await;
        attempt.unwrap_or_else(|_| {
            let timed_out = Failure::transient(TimedOut(left.as_millis()));
            vec![Err(timed_out); messages.len()]
        })
    }

    async fn fail(&self, message: &Message, failure: &Failure, duration_ms: u64) -> bool {
        let class = match failure {
            Failure::Terminal(_) => Class::Terminal,
            Failure::Transient(_) if message.attempt >= self.attempts_max => Class::Exhausted,
            Failure::Transient(error) => {
                self.hand_back(message, &chain(error.as_ref()), duration_ms)
                    .await;
                return false;
            }
        };
        match self.give_up(message, failure, class).await {
            Ok(()) => {
                metrics::counter!(metric::DEAD_LETTER).increment(1);
                error!(
                    event.id = message.event_id(), event.type = message.event_type(),
                    correlation.id = message.correlation_id(), attempt = message.attempt,
                    duration_ms, ?class, error = chain(failure.error()),
                    "event given up; it is in the dead-letter queue"
                );
                true
            }
            Err(unavailable) => {
                error!(
                    event.id = message.event_id(),
                    error = chain(&unavailable),
                    "the dead-letter queue took nothing; the event stays in its queue"
                );
                false
            }
        }
    }

    /// Has the queue deliver the message again, later each time. Where that cannot be said (to
    /// Lambda itself, or to a queue that does not answer), the platform's own pause applies.
    async fn hand_back(&self, message: &Message, why: &str, duration_ms: u64) {
        let mut seed = DefaultHasher::new();
        message.id.hash(&mut seed);
        let wait = Backoff::REDELIVERY.wait(message.attempt.saturating_sub(1), seed.finish());
        warn!(
            event.id = message.event_id(), event.type = message.event_type(),
            correlation.id = message.correlation_id(), attempt = message.attempt, duration_ms,
            wait_ms = wait.as_millis(), error = why,
            "attempt failed; the event will be delivered again"
        );
        if let Some(receipt) = &message.receipt
            && let Err(unavailable) = self.queue.redeliver(receipt, wait).await
        {
            warn!(
                error = chain(&unavailable),
                "the event comes again when the queue's time-out ends"
            );
        }
    }

    async fn give_up(
        &self,
        message: &Message,
        failure: &Failure,
        class: Class,
    ) -> Result<(), Unavailable> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let letter = DeadLetter {
            handler: H::NAME.to_owned(),
            reason: chain(failure.error()),
            class,
            attempts: message.attempt,
            failed_at: self.clock.now(),
            event_id: text(message.event_id()),
            event_type: text(message.event_type()),
            correlation_id: text(message.correlation_id()),
            event: message.body.clone(),
        };
        self.dead_letters.send(&letter).await
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "no duration comes near 2^52 milliseconds"
    )]
    fn measure(
        &self,
        message: &Message,
        began: Timestamp,
        duration_ms: u64,
        result: &Result<Done, Failure>,
    ) {
        let name = match result {
            Ok(Done::Handled) => metric::HANDLED,
            Ok(Done::Duplicate) => metric::DUPLICATE,
            Err(_) => metric::FAILED,
        };
        // What a sender made up is no dimension: every new one is a metric that is paid for.
        let event_type = match result {
            Err(Failure::Terminal(_)) => "other".to_owned(),
            _ if message.is_cloud_event() => "CloudEvent".to_owned(),
            _ => message.event_type().unwrap_or("other").to_owned(),
        };
        metrics::counter!(name, "EventType" => event_type.clone()).increment(1);
        metrics::histogram!(metric::DURATION_MS, "EventType" => event_type.clone())
            .record(duration_ms as f64);
        if let Some(happened) = message.timestamp() {
            metrics::histogram!(metric::EVENT_AGE_MS, "EventType" => event_type)
                .record(began.millis_since(happened) as f64);
        }
    }
}

#[cfg(test)]
mod tests;
