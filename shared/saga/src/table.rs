//! The transition table: `(state, what happened) → (events, commands)`, pure.
//!
//! One rule says what is done about an answer at any time ([`hearing`]), one what is done about the
//! clock ([`waiting`]), and one what comes next ([`advancing`]). Nothing depends on the order in which
//! answers arrive: each is judged by its version in the service's stream, and what is not newer than what
//! was heard is known.

mod advancing;
mod hearing;
mod waiting;

use envelope::Timestamp;

use crate::definition::{Definition, Step};
use crate::events::{Answer, Progress, SagaCompensating, SagaStepFailed};
use crate::saga::Said;
use crate::state::{Phase, State};

/// One decision: the state that it has led to so far, and what is to be stored.
pub(crate) struct Turn<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) state: State,
    now: Timestamp,
    seed: u64,
    pub(crate) said: Vec<Said>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(definition: &'a Definition, state: State, now: Timestamp, seed: u64) -> Self {
        let said = Vec::new();
        Self {
            definition,
            state,
            now,
            seed,
            said,
        }
    }

    pub(crate) fn tell(&mut self, event: impl Into<Progress>) {
        let event = event.into();
        self.state = std::mem::take(&mut self.state).after(&event);
        self.said.push(Said::Progress(event));
    }

    fn step_failed(
        &mut self,
        step: &Step,
        reason: String,
        answer: Option<Answer>,
        again_at: Option<Timestamp>,
    ) {
        let step = step.name.to_owned();
        self.tell(SagaStepFailed {
            step,
            reason,
            answer,
            again_at,
        });
    }

    fn fail(&mut self, reason: String) {
        if self.state.phase != Phase::Compensating {
            self.tell(SagaCompensating { reason });
        }
    }

    fn after(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis().saturating_add(millis))
    }
}
