//! DynamoDB stream → domain bus.
//!
//! The table and its change stream are the outbox: what is stored is in the stream, so it cannot
//! be stored and not published. The relay publishes at least once. It looks at the result of every
//! entry, sends only the failed ones again, and goes on only when all before it were taken, so that
//! a stream's events reach the bus in order whenever the first attempt succeeds.

use std::time::Duration;

use adapter_dynamodb::{BatchFailed, NotACommit, batch_answer, commit_of_record, records_of};
use envelope::{Envelope, Sealer, Timestamp};
use ports::{Backoff, Class, Clock, DeadLetter, DeadLetters, Publish, PublishError, Unavailable};
use serde_json::{Value, json};
use telemetry::{chain, metric};
use tracing::{error, info, warn};

/// How often the failed entries of a batch are sent again before the platform delivers the records anew.
const ROUNDS_MAX: u32 = 5;

/// What is left of the function's time when it stops sending.
const MARGIN: Duration = Duration::from_secs(1);

const NAME: &str = "relay-events";

/// The handler.
#[derive(Clone)]
pub struct RelayEvents<P, D, C> {
    bus: P,
    dead_letters: D,
    sealer: Sealer,
    clock: C,
}

/// An event on its way, and the record that it came from.
struct Outgoing {
    record: usize,
    event: Envelope,
}

/// Nothing before this record is left to do; it and all after it are to be delivered again.
struct StoppedAt(usize);

impl<P: Publish, D: DeadLetters, C: Clock> RelayEvents<P, D, C> {
    /// A relay to a bus.
    pub fn new(bus: P, dead_letters: D, sealer: Sealer, clock: C) -> Self {
        Self {
            bus,
            dead_letters,
            sealer,
            clock,
        }
    }

    /// Publishes the commits of a batch of stream records.
    ///
    /// # Errors
    /// [`BatchFailed`], if not all could be published and `partial` answers are not understood.
    pub async fn handle(
        &self,
        payload: Value,
        deadline: Timestamp,
        partial: bool,
    ) -> Result<Value, BatchFailed> {
        let records = records_of(&payload);
        let relayed = self.relay(records, deadline).await;
        if relayed.is_err() {
            metrics::counter!(metric::FAILED).increment(1);
        }
        let failed = relayed.err().map(|StoppedAt(record)| record);
        batch_answer(records, failed, partial)
    }

    async fn relay(&self, records: &[Value], deadline: Timestamp) -> Result<(), StoppedAt> {
        let mut outgoing = Vec::new();
        let mut stopped = Ok(());
        for (index, record) in records.iter().enumerate() {
            match commit_of_record(record) {
                Ok(commit) => outgoing.extend(commit.envelopes().into_iter().map(|mut event| {
                    self.sealer.seal(&mut event);
                    Outgoing {
                        record: index,
                        event,
                    }
                })),
                Err(NotACommit::Other) => {}
                // A row that cannot be read must not stop the shard, and must not be lost either. Nor
                // one whose data are in an object: this relay's role has no access to any.
                Err(why @ (NotACommit::Unreadable(_) | NotACommit::Elsewhere(_))) => {
                    let letter = self.letter(&why.to_string(), record.clone(), None);
                    if self.bury(&letter).await.is_err() {
                        stopped = Err(StoppedAt(index));
                        break;
                    }
                }
            }
        }
        // What came before a stop is published all the same: the platform takes it for done.
        let mut rest = outgoing.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch_len(rest));
            self.publish(batch, deadline).await?;
            rest = later;
        }
        stopped
    }

    /// How many of the next events fit into one call; at least one.
    fn batch_len(&self, events: &[Outgoing]) -> usize {
        let mut bytes = 0;
        let fitting = events.iter().take(P::ENTRIES_MAX).take_while(|outgoing| {
            bytes += self.bus.size_of(&outgoing.event);
            bytes <= P::BYTES_MAX
        });
        fitting.count().max(1)
    }

    /// Sends a batch, and what failed of it again, until all of it is published or a dead letter.
    async fn publish(&self, batch: &[Outgoing], deadline: Timestamp) -> Result<(), StoppedAt> {
        let mut left: Vec<&Outgoing> = batch.iter().collect();
        for round in 0..ROUNDS_MAX {
            left = self.round(left).await;
            let Some(first) = left.first() else {
                return Ok(());
            };
            let wait = Backoff::IN_PROCESS.wait(round, first.event.version.get());
            let remaining = Duration::from_millis(deadline.millis_since(self.clock.now()));
            if remaining < wait + MARGIN {
                break;
            }
            self.clock.sleep(wait).await;
        }
        error!(
            events = left.len(),
            "not published; the platform delivers the records again"
        );
        Err(StoppedAt(
            left.iter()
                .map(|outgoing| outgoing.record)
                .min()
                .unwrap_or_default(),
        ))
    }

    /// One call of the bus. Returns what is still to be sent.
    async fn round<'a>(&self, batch: Vec<&'a Outgoing>) -> Vec<&'a Outgoing> {
        let events: Vec<Envelope> = batch
            .iter()
            .map(|outgoing| outgoing.event.clone())
            .collect();
        let results = match self.bus.publish(&events).await {
            Ok(results) => results,
            Err(unavailable) => {
                warn!(
                    events = events.len(),
                    error = chain(&unavailable),
                    "the bus did not answer"
                );
                return batch;
            }
        };
        let mut left = Vec::new();
        for (outgoing, result) in batch.into_iter().zip(results) {
            let event = &outgoing.event;
            match result {
                Ok(()) => self.published(event),
                Err(why @ PublishError::Transient(_)) => {
                    warn!(event.id = %event.event_id, error = %why, "not published yet");
                    left.push(outgoing);
                }
                Err(why @ PublishError::Refused(_)) => {
                    let detail = json!({"detail-type": event.event_type, "detail": event});
                    let letter = self.letter(&why.to_string(), detail, Some(event));
                    if self.bury(&letter).await.is_err() {
                        left.push(outgoing);
                    }
                }
            }
        }
        left
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "no lag comes near 2^52 milliseconds"
    )]
    fn published(&self, event: &Envelope) {
        let lag_ms = self.clock.now().millis_since(event.timestamp);
        metrics::counter!(metric::PUBLISHED, "EventType" => event.event_type.clone()).increment(1);
        metrics::histogram!(metric::RELAY_LAG_MS).record(lag_ms as f64);
        info!(
            event.id = %event.event_id, event.type = event.event_type,
            stream.id = format!("{}#{}", event.aggregate_type, event.aggregate_id),
            stream.version = event.version.get(), correlation.id = %event.metadata.correlation_id,
            lag_ms, "event published"
        );
    }

    fn letter(&self, reason: &str, event: Value, envelope: Option<&Envelope>) -> DeadLetter {
        DeadLetter {
            handler: NAME.to_owned(),
            reason: reason.to_owned(),
            class: Class::Terminal,
            attempts: 1,
            failed_at: self.clock.now(),
            event_id: envelope.map(|event| event.event_id.to_string()),
            event_type: envelope.map(|event| event.event_type.clone()),
            correlation_id: envelope.map(|event| event.metadata.correlation_id.to_string()),
            event,
        }
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        let sent = self.dead_letters.send(letter).await;
        match &sent {
            Ok(()) => {
                metrics::counter!(metric::DEAD_LETTER).increment(1);
                error!(
                    event.id = letter.event_id,
                    error = letter.reason,
                    "given up; it is in the dead-letter queue"
                );
            }
            Err(unavailable) => {
                error!(
                    error = chain(unavailable),
                    "the dead-letter queue took nothing"
                );
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests;
