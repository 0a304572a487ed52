//! What is done about the clock: whatever was waited for long enough, and when to look again.

use envelope::Timestamp;

use super::Turn;
use super::advancing::Way;
use crate::definition::{Step, Undo};
use crate::events::{Answer, SagaStuck, SagaTimerSet, SagaUndoFailed};
use crate::state::{Phase, StepPhase};

/// The shortest time for which a timer is set, in milliseconds: shorter ones are not worth the request.
const TIMER_MS_MIN: i64 = 1_000;

/// How often a saga is looked at that waits for a person, in milliseconds.
const REMINDER_MS: i64 = 60 * 60 * 1_000;

impl Turn<'_> {
    /// What was waited for long enough. A timer may fire a little before its time, as clocks differ.
    pub(crate) fn look_at_clock(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        let attempts = self.state.steps.iter();
        let due: Vec<_> = attempts
            .filter_map(|(name, step)| Some((name.clone(), step.phase.attempt()?)))
            .filter(|(_, attempt)| attempt.until <= self.now)
            .collect();
        for (name, attempt) in due {
            let unanswered = || format!("{name} was not answered in time");
            match (self.state.step(&name), self.definition.step(&name)) {
                (Some(StepPhase::Started(_)), Some(step)) => {
                    self.unanswered(step, attempt.number, unanswered());
                }
                (Some(StepPhase::Undoing(_)), _) => self.undo_failed(&name, unanswered(), None),
                // What cannot be undone is not asked for on the way back.
                (Some(StepPhase::Waiting(_)), Some(step)) if self.is_going_back() => {
                    self.stuck(step, attempt.number, unanswered());
                }
                (Some(StepPhase::Waiting(_)), Some(step)) => {
                    self.ask(Way::Forth(step), attempt.number + 1);
                }
                (Some(StepPhase::UndoWaiting(_)), _) => {
                    if let Some((name, undo)) = self.definition.undo(&name) {
                        self.ask(Way::Back(name, undo), attempt.number + 1);
                    }
                }
                _ => {}
            }
        }
    }

    fn unanswered(&mut self, step: &'static Step, attempts: u32, reason: String) {
        if self.is_going_back() {
            self.stuck(step, attempts, reason);
        } else if attempts < step.retry.attempts {
            let again_at = self.after(step.retry.wait_ms(attempts, self.seed));
            self.step_failed(step, reason, None, Some(again_at));
        } else if self.is_past_return() || matches!(step.undo, Undo::Never { .. }) {
            self.stuck(step, attempts, reason);
        } else {
            self.step_failed(step, reason.clone(), None, None);
            self.fail(reason);
        }
    }

    /// Nobody knows whether it was done, and it cannot be undone.
    fn stuck(&mut self, step: &Step, attempts: u32, reason: String) {
        let (step, undoing, answer) = (step.name.to_owned(), false, None);
        self.tell(SagaStuck {
            step,
            undoing,
            attempts,
            reason,
            answer,
        });
    }

    fn is_going_back(&self) -> bool {
        self.state.phase == Phase::Compensating
    }

    /// Whether something is done after which there is no way back.
    pub(super) fn is_past_return(&self) -> bool {
        let mut never = self
            .definition
            .steps()
            .filter(|step| step.undo.is_point_of_no_return());
        never.any(|step| self.state.step(step.name) == Some(StepPhase::Done))
    }

    /// The undo is asked for again, or a person is.
    pub(super) fn undo_failed(&mut self, name: &str, reason: String, answer: Option<Answer>) {
        let Some(StepPhase::Undoing(attempt)) = self.state.step(name) else {
            return;
        };
        let Some((_, Undo::By(undo))) = self.definition.undo(name) else {
            return;
        };
        let (step, attempts) = (name.to_owned(), attempt.number);
        if attempts < undo.retry.attempts {
            let again_at = self.after(undo.retry.wait_ms(attempts, self.seed));
            self.tell(SagaUndoFailed {
                step,
                reason,
                answer,
                again_at,
            });
        } else {
            self.tell(SagaStuck {
                step,
                undoing: true,
                attempts,
                reason,
                answer,
            });
        }
    }

    /// Looks at the clock at once, and sets the timer anew: the one before may be lost.
    pub(crate) fn wake(&mut self) {
        self.look_at_clock(self.now);
        self.state.timer = None;
    }

    /// One timer is enough: it fires at the first moment at which anything is due, and is set anew then. What is
    /// stuck is looked at now and then, so that whoever conducts it goes on raising the alarm.
    pub(super) fn set_timer(&mut self) {
        let known = |(name, _): &(&String, _)| self.definition.undo(name).is_some();
        let steps = self.state.steps.iter().filter(known);
        let attempts = steps.filter_map(|(_, step)| step.phase.attempt());
        let stuck = self.state.stuck().next();
        let reminder = stuck.map(|_| self.after(REMINDER_MS));
        let next = attempts.map(|attempt| attempt.until).chain(reminder).min();
        let Some(next) = next else {
            return;
        };
        let is_set = self
            .state
            .timer
            .is_some_and(|timer| timer > self.now && timer <= next);
        if !is_set {
            let at = next.max(self.after(TIMER_MS_MIN));
            self.tell(SagaTimerSet { at });
        }
    }
}
