//! What a handler is.

use envelope::{Cause, Envelope, Sealer};
use event_store::Outcome;
use serde::Deserialize;

use crate::{Failure, Message};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It had an effect.
    Handled,
    /// It had its effect before, or needed none.
    Duplicate,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Handled,
            Outcome::Duplicate | Outcome::Unchanged => Self::Duplicate,
        }
    }
}

/// Handles messages as they came. For the one function that takes other systems' events.
pub trait Consume: Clone + Send + Sync + 'static {
    /// The function's name.
    const NAME: &'static str;
    /// How many messages of one batch are in work at the same time.
    const CONCURRENCY: usize;

    /// Messages of a batch with the same key are handed over together.
    fn key(&self, message: &Message) -> Option<String> {
        let _ = message;
        None
    }

    /// Handles one message. May be called again with the same message, also at the same time.
    fn consume(&self, message: &Message) -> impl Future<Output = Result<Done, Failure>> + Send;

    /// Handles messages with the same key, at least one; an answer for each, in their order.
    fn consume_together(
        &self,
        messages: &[Message],
    ) -> impl Future<Output = Vec<Result<Done, Failure>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(messages.len());
            for message in messages {
                answers.push(self.consume(message).await);
            }
            answers
        }
    }
}

/// Reacts to this system's own events.
pub trait React: Clone + Send + Sync + 'static {
    /// The function's name. It is part of the identity of what the reaction stores.
    const NAME: &'static str;
    /// How many events of one batch are in work at the same time. 1 for handlers whose events meet
    /// in one place, where they would only get in each other's way.
    const CONCURRENCY: usize = 10;

    /// Reacts to an event. `cause` is what the reaction stores its own events under; `attempt`
    /// counts deliveries from 1. May be called again with the same event, also at the same time.
    fn react(
        &self,
        event: &Envelope,
        cause: &Cause,
        attempt: u32,
    ) -> impl Future<Output = Result<Done, Failure>> + Send;
}

/// Reacts to this system's own events, several at once where they have an effect in one place.
pub trait ReactTogether: Clone + Send + Sync + 'static {
    /// The function's name.
    const NAME: &'static str;
    /// How many keys of one batch are in work at the same time.
    const CONCURRENCY: usize = 10;

    /// Where the event has its effect; `None` if nowhere.
    fn key(&self, event: &Envelope) -> Option<String>;

    /// Reacts to events with the same key, at least one, in any order; an answer for each, in the
    /// order in which they are given. May be called again with the same events, also at the same time.
    fn react(&self, events: &[Envelope])
    -> impl Future<Output = Vec<Result<Done, Failure>>> + Send;
}

/// Lets only events through to a reaction that this system's relay published.
#[derive(Clone)]
pub struct Verified<R> {
    reaction: R,
    sealer: Sealer,
}

impl<R: React> Verified<R> {
    /// Checks events with this sealer.
    #[must_use]
    pub fn new(reaction: R, sealer: Sealer) -> Self {
        Self { reaction, sealer }
    }
}

/// A message on the domain bus that is not an event.
#[derive(Debug, thiserror::Error)]
#[error("the message is not an event in the form of this system")]
struct NotAnEvent;

/// The event in a message, if this system's relay published it.
fn verified(sealer: &Sealer, message: &Message) -> Result<Envelope, Failure> {
    let event =
        Envelope::deserialize(message.detail()).map_err(|_| Failure::terminal(NotAnEvent))?;
    sealer.verify(&event)?;
    Ok(event)
}

impl<R: React> Consume for Verified<R> {
    const NAME: &'static str = R::NAME;
    const CONCURRENCY: usize = R::CONCURRENCY;

    async fn consume(&self, message: &Message) -> Result<Done, Failure> {
        let event = verified(&self.sealer, message)?;
        let cause = Cause::reaction(&event, R::NAME)?.at_attempt(message.attempt);
        self.reaction.react(&event, &cause, message.attempt).await
    }
}

/// The same as [`Verified`], for a reaction to several events at once.
#[derive(Clone)]
pub struct VerifiedTogether<R> {
    reaction: R,
    sealer: Sealer,
}

impl<R: ReactTogether> VerifiedTogether<R> {
    /// Checks events with this sealer.
    #[must_use]
    pub fn new(reaction: R, sealer: Sealer) -> Self {
        Self { reaction, sealer }
    }
}

impl<R: ReactTogether> Consume for VerifiedTogether<R> {
    const NAME: &'static str = R::NAME;
    const CONCURRENCY: usize = R::CONCURRENCY;

    fn key(&self, message: &Message) -> Option<String> {
        let event = Envelope::deserialize(message.detail()).ok()?;
        self.reaction.key(&event)
    }

    async fn consume(&self, message: &Message) -> Result<Done, Failure> {
        let event = verified(&self.sealer, message)?;
        let mut answers = self.reaction.react(&[event]).await;
        answers.pop().expect("an answer for each event")
    }

    async fn consume_together(&self, messages: &[Message]) -> Vec<Result<Done, Failure>> {
        let mut events = Vec::with_capacity(messages.len());
        let checked: Vec<_> = messages
            .iter()
            .map(|message| verified(&self.sealer, message).map(|event| events.push(event)))
            .collect();
        let answers = match events.as_slice() {
            [] => Vec::new(),
            events => self.reaction.react(events).await,
        };
        let mut answers = answers.into_iter();
        let answer = |checked: Result<(), Failure>| {
            checked.and_then(|()| answers.next().expect("an answer for each event"))
        };
        checked.into_iter().map(answer).collect()
    }
}
