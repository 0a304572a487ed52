//! The handler of every saga: events and timers into the saga's stream.
//!
//! It sends nothing itself: what the saga says is stored, and leaves by the outbox. Only timers are set
//! from here, when the event that asks for one comes back from the bus; so a timer cannot be
//! forgotten between storing and setting it.

use envelope::{Cause, Envelope, EventData, SAGA};
use event_store::{Append, Decider, ExecuteError, Load};
use ports::{Clock, Timers};
use reaction::{Done, Failure, React, has_come};
use saga::events::SagaTimerSet;
use saga::{Conducted, Happening, Heard, Rejection, Saga, State, What};
use serde_json::Value;
use telemetry::metric;
use tracing::error;

/// Conducts the sagas of one kind.
pub struct Conductor<G: Saga, S, T, C> {
    sagas: Decider<Conducted<G>, S, C>,
    timers: T,
    clock: C,
}

impl<G: Saga, S: Load + Append, T: Timers, C: Clock> Conductor<G, S, T, C> {
    /// A conductor over a store and timers.
    #[must_use]
    pub fn new(store: S, timers: T, clock: C) -> Self {
        Self {
            sagas: Decider::new(store, clock.clone()),
            timers,
            clock,
        }
    }

    async fn happen(&self, id: &str, what: What, cause: Cause) -> Result<Done, Failure> {
        let cause = cause.conducted_by(G::NAME);
        let happening = Happening {
            what,
            now: self.clock.now(),
            seed: cause.commit_id().digest(),
        };
        match self.sagas.execute(id, &cause, &happening).await {
            Ok(executed) => {
                alert::<G>(id, &executed.state);
                Ok(executed.outcome.into())
            }
            // A newer function began it, and will be the one that handles this next time.
            Err(ExecuteError::Rejected(early @ Rejection::UnknownDefinition(_))) => {
                Err(Failure::transient(early))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The saga goes on where it asked: the way to a service and back is one of its attempts, which are counted,
/// and however many there are, they are no loop.
fn going_on<G: Saga>(event: &Envelope, cause: &Cause) -> Cause {
    let hops = event.metadata.hops;
    let mut definitions = G::DEFINITIONS.iter();
    let begins = definitions.any(|definition| definition.start.event == event.event_type);
    let mark = event.metadata.extra.get(SAGA).and_then(Value::as_str);
    let own = mark == Some(G::NAME) && !begins;
    match own {
        true if event.aggregate_type == G::NAME => cause.clone().at_hops(hops),
        true => cause.clone().at_hops(hops.saturating_sub(1)),
        false => cause.clone(),
    }
}

/// Raises the alarm. Also on a second delivery: whoever stored it may have died before it could.
fn alert<G: Saga>(id: &str, state: &State) {
    for step in state.stuck() {
        metrics::counter!(metric::SAGA_STUCK).increment(1);
        error!(
            saga.name = G::NAME,
            saga.id = id,
            saga.step = step,
            "the saga is stuck and waits for a person"
        );
    }
}

impl<G: Saga, S: Load + Append, T: Timers, C: Clock> React for Conductor<G, S, T, C> {
    const NAME: &'static str = G::FUNCTION;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let id = event.aggregate_id.as_str();
        let cause = going_on::<G>(event, cause);
        if event.event_type != SagaTimerSet::TYPE {
            let heard = What::Heard(Heard::of(event));
            return self.happen(id, heard, cause).await;
        }
        let SagaTimerSet { at } = event.read()?;
        if !has_come(&self.timers, &self.clock, event, at).await? {
            return Ok(Done::Handled);
        }
        self.happen(id, What::TimerFired(at), cause).await
    }
}

impl<G: Saga, S: Clone, T: Clone, C: Clone> Clone for Conductor<G, S, T, C> {
    fn clone(&self) -> Self {
        Self {
            sagas: self.sagas.clone(),
            timers: self.timers.clone(),
            clock: self.clock.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
