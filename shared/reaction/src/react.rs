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

    /// Handles one message. May be called again with the same message, also at the same time.
    fn consume(&self, message: &Message) -> impl Future<Output = Result<Done, Failure>> + Send;
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

impl<R: React> Consume for Verified<R> {
    const NAME: &'static str = R::NAME;
    const CONCURRENCY: usize = R::CONCURRENCY;

    async fn consume(&self, message: &Message) -> Result<Done, Failure> {
        let event =
            Envelope::deserialize(message.detail()).map_err(|_| Failure::terminal(NotAnEvent))?;
        self.sealer.verify(&event)?;
        let cause = Cause::reaction(&event, R::NAME)?;
        self.reaction.react(&event, &cause, message.attempt).await
    }
}
