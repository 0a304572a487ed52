//! What is done about an event of a service, at any time.

use super::Turn;
use crate::definition::{Refusal, Step, Undo};
use crate::events::{SagaCompensated, SagaStarted, SagaStepCompleted, SagaUndoCompleted};
use crate::saga::Heard;
use crate::state::{Phase, StepPhase};

impl Turn<'_> {
    /// Somebody else's event.
    pub(crate) fn hear(&mut self, heard: &Heard) {
        let definition = self.definition;
        let kind = heard.event.as_str();
        if kind == definition.start.event {
            self.start(heard);
        }
        for step in definition.steps() {
            if let Some(refusal) = step.refused.iter().find(|refusal| refusal.event == kind) {
                self.refused(step, refusal, heard);
            }
        }
        if definition.called_off_by.contains(&kind) {
            self.called_off(heard);
        }
        for step in definition.steps() {
            if step.done.contains(&kind) {
                self.done(step, heard);
            }
        }
        for (name, undo) in definition.undos() {
            let Undo::By(undo) = undo else { continue };
            if undo.done.contains(&kind) {
                self.undone(name, heard);
            }
            if undo.failed.contains(&kind) && self.is_news(name, heard) {
                self.undo_failed(name, heard.reason(), Some(heard.answer()));
            }
        }
    }

    fn start(&mut self, heard: &Heard) {
        if self.state.phase == Phase::Absent {
            self.tell(SagaStarted {
                definition: self.definition.version,
                step: self.definition.start.name.to_owned(),
                answer: heard.answer(),
                kept: heard.fields(self.definition.start.keep),
            });
        }
    }

    /// Before it began, it never begins.
    fn called_off(&mut self, heard: &Heard) {
        match self.state.phase {
            Phase::Absent => self.tell(SagaCompensated {
                reason: heard.reason(),
            }),
            // It comes too late.
            Phase::Running if self.is_past_return() => {}
            Phase::Running => self.fail(heard.reason()),
            Phase::Compensating | Phase::Completed | Phase::Compensated => {}
        }
    }

    fn is_news(&self, step: &str, heard: &Heard) -> bool {
        let step = self.state.steps.get(step);
        step.is_none_or(|step| heard.version > step.heard)
    }

    fn done(&mut self, step: &Step, heard: &Heard) {
        let has_begun = self.state.phase != Phase::Absent;
        if !has_begun || !self.is_news(step.name, heard) || self.state.phase == Phase::Completed {
            return;
        }
        self.tell(SagaStepCompleted {
            step: step.name.to_owned(),
            answer: heard.answer(),
            kept: heard.fields(step.keep),
        });
        // It was done after it was undone, or after nobody waited for it any longer.
        if self.state.phase == Phase::Compensated {
            self.fail(format!("{} was done too late", step.name));
        }
    }

    fn refused(&mut self, step: &Step, refusal: &Refusal, heard: &Heard) {
        if !self.is_news(step.name, heard) {
            return;
        }
        let reason = format!("{}: {}", refusal.meaning, heard.reason());
        match self.state.step(step.name) {
            Some(StepPhase::Started(attempt) | StepPhase::Waiting(attempt))
                if refusal.again && attempt.number < step.retry.attempts =>
            {
                let wait_ms = step.retry.wait_ms(attempt.number, self.seed);
                self.step_failed(
                    step,
                    reason,
                    Some(heard.answer()),
                    Some(self.after(wait_ms)),
                );
            }
            Some(StepPhase::Started(_) | StepPhase::Waiting(_) | StepPhase::Stuck) => {
                self.step_failed(step, reason.clone(), Some(heard.answer()), None);
                self.fail(reason);
            }
            Some(StepPhase::Unanswered) => {
                self.step_failed(step, reason, Some(heard.answer()), None);
            }
            // There is nothing to undo after all.
            Some(phase) if phase.is_undoing() && !refusal.again => self.undone(step.name, heard),
            _ => {}
        }
    }

    fn undone(&mut self, name: &str, heard: &Heard) {
        if !self.is_news(name, heard) {
            return;
        }
        let running = self.state.phase == Phase::Running;
        // After the end, and behind the point of no return, it is other people's business.
        let late = self.state.phase == Phase::Completed || running && self.is_past_return();
        // Before it was asked for there is nothing to undo. What is undone already is undone up to this
        // version now: its own answer may yet arrive behind this one.
        if self.state.step(name).is_some() && !late {
            self.tell(SagaUndoCompleted {
                step: name.to_owned(),
                answer: heard.answer(),
            });
            if running {
                self.fail(format!("{name} was undone by somebody else"));
            }
        }
    }
}
