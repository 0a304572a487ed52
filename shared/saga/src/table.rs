//! The transition table: `(state, what happened) → (events, commands)`, pure.
//!
//! One rule says what is done about an answer at any time ([`Turn::hear`]), one what is done about
//! the clock ([`Turn::look_at_clock`]), and one what comes next ([`Turn::advance`]). Nothing
//! depends on the order in which answers arrive: each is judged by its version in the service's
//! stream, and what is not newer than what was heard is known.

use envelope::Timestamp;

use crate::definition::{Command, Definition, Refusal, Step, Undo};
use crate::events::{
    Answer, Progress, SagaCompensated, SagaCompensating, SagaCompleted, SagaStarted,
    SagaStepCompleted, SagaStepFailed, SagaStepStarted, SagaStuck, SagaTimerSet, SagaUndoCompleted,
    SagaUndoFailed, SagaUndoStarted,
};
use crate::saga::{Heard, Said};
use crate::state::{Phase, State, StepPhase};

/// The shortest time for which a timer is set, in milliseconds: shorter ones are not worth the request.
const TIMER_MS_MIN: i64 = 1_000;

/// One decision: the state that it has led to so far, and what is to be stored.
pub(crate) struct Turn<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) state: State,
    now: Timestamp,
    seed: u64,
    pub(crate) said: Vec<Said>,
}

/// What is to be done, in which direction.
#[derive(Clone, Copy)]
enum Way {
    Forth(&'static Step),
    Back(&'static str, Undo),
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
        let start = definition.start;
        let undos = definition.steps().map(|step| (step.name, step.undo));
        for (name, undo) in undos.chain([(start.name, start.undo)]) {
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
        let open = !matches!(
            self.state.step(name),
            None | Some(StepPhase::Refused | StepPhase::Undone)
        );
        if open && self.state.phase != Phase::Completed {
            self.tell(SagaUndoCompleted {
                step: name.to_owned(),
                answer: heard.answer(),
            });
            if self.state.phase == Phase::Running {
                self.fail(format!("{name} was undone by somebody else"));
            }
        }
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

    fn undo_failed(&mut self, name: &str, reason: String, answer: Option<Answer>) {
        let Some(StepPhase::Undoing(attempt)) = self.state.step(name) else {
            return;
        };
        let undo = self
            .definition
            .undo(name)
            .and_then(|undo| undo.compensation());
        let Some(undo) = undo else { return };
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
            });
        }
    }

    fn fail(&mut self, reason: String) {
        if self.state.phase != Phase::Compensating {
            self.tell(SagaCompensating { reason });
        }
    }

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
                (Some(StepPhase::Waiting(_)), Some(step)) => {
                    self.ask(Way::Forth(step), attempt.number + 1);
                }
                (Some(StepPhase::UndoWaiting(_)), _) => {
                    let Some(undo) = self.definition.undo(&name) else {
                        continue;
                    };
                    let Some(name) = self.definition.name(&name) else {
                        continue;
                    };
                    self.ask(Way::Back(name, undo), attempt.number + 1);
                }
                _ => {}
            }
        }
    }

    fn unanswered(&mut self, step: &'static Step, attempts: u32, reason: String) {
        if attempts < step.retry.attempts {
            let again_at = self.after(step.retry.wait_ms(attempts, self.seed));
            self.step_failed(step, reason, None, Some(again_at));
        } else if self.may_turn_back(step) {
            self.step_failed(step, reason.clone(), None, None);
            self.fail(reason);
        } else {
            let (step, undoing) = (step.name.to_owned(), false);
            self.tell(SagaStuck {
                step,
                undoing,
                attempts,
                reason,
            });
        }
    }

    /// Whether everything can be undone that was done, and this step, which may have been.
    fn may_turn_back(&self, step: &Step) -> bool {
        let never = |step: &Step, others: bool| match step.undo {
            Undo::Never {
                others_may_fail, ..
            } => !(others && others_may_fail),
            Undo::By(_) => false,
        };
        let done = |step: &&'static Step| self.state.step(step.name) == Some(StepPhase::Done);
        !never(step, false)
            && !self
                .definition
                .steps()
                .filter(done)
                .any(|step| never(step, true))
    }

    /// What comes next.
    pub(crate) fn advance(&mut self) {
        match self.state.phase {
            Phase::Running => self.go_forth(),
            Phase::Compensating => self.go_back(),
            Phase::Absent | Phase::Completed | Phase::Compensated => {}
        }
        self.set_timer();
    }

    fn go_forth(&mut self) {
        let is_done = |step: &Step, state: &State| state.step(step.name) == Some(StepPhase::Done);
        let mut stages = self.definition.stages.iter();
        let next = stages.find(|stage| !stage.iter().all(|step| is_done(step, &self.state)));
        let Some(stage) = next else {
            return self.tell(SagaCompleted {});
        };
        for step in *stage {
            if self.state.step(step.name).is_none() {
                self.ask(Way::Forth(step), 1);
            }
        }
    }

    /// The last stage of which anything is left is undone; the others wait for it.
    fn go_back(&mut self) {
        let start = [(self.definition.start.name, self.definition.start.undo)];
        let stages = self.definition.stages.iter().rev().map(|stage| {
            let steps = stage.iter().map(|step| (step.name, step.undo));
            steps.collect::<Vec<_>>()
        });
        for stage in stages.chain([start.to_vec()]) {
            let mut waits = false;
            for (name, undo) in stage {
                waits |= self.go_back_on(name, undo);
            }
            if waits {
                return;
            }
        }
        let reason = self.state.reason.clone().unwrap_or_default();
        self.tell(SagaCompensated { reason });
    }

    /// Undoes one thing; `false` if nothing of it is left.
    fn go_back_on(&mut self, name: &'static str, undo: Undo) -> bool {
        let Some(phase) = self.state.step(name) else {
            return false;
        };
        match (phase, undo) {
            (StepPhase::Refused | StepPhase::Undone, _) => false,
            // What cannot be undone stays; what may yet become of it is waited for.
            (phase, Undo::Never { .. }) => phase.attempt().is_some() || phase.is_stuck(),
            (StepPhase::Undoing(_) | StepPhase::UndoWaiting(_) | StepPhase::UndoStuck, _) => true,
            _ => {
                self.ask(Way::Back(name, undo), 1);
                true
            }
        }
    }

    fn ask(&mut self, way: Way, attempt: u32) {
        let deadline = |timeout: std::time::Duration| {
            self.after(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX))
        };
        let command = match way {
            Way::Forth(step) => {
                let (name, deadline) = (step.name.to_owned(), deadline(step.retry.timeout));
                self.tell(SagaStepStarted {
                    step: name,
                    attempt,
                    deadline,
                });
                step.command
            }
            Way::Back(name, undo) => {
                let Undo::By(undo) = undo else { return };
                let (step, deadline) = (name.to_owned(), deadline(undo.retry.timeout));
                self.tell(SagaUndoStarted {
                    step,
                    attempt,
                    deadline,
                });
                undo.command
            }
        };
        self.send(command);
    }

    fn send(&mut self, command: Command) {
        let mut data = serde_json::Map::new();
        for field in command.fields {
            let kept = self.state.kept.get(*field).cloned();
            let reason = || self.state.reason.clone().map(serde_json::Value::from);
            if let Some(value) = kept.or_else(|| reason().filter(|_| *field == "reason")) {
                data.insert((*field).to_owned(), value);
            }
        }
        self.said.push(Said::Command {
            name: command.name,
            schema_version: command.schema_version,
            data,
        });
    }

    fn after(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis().saturating_add(millis))
    }

    /// One timer is enough: it fires at the first moment at which anything is due, and is set anew then.
    fn set_timer(&mut self) {
        let known = |(name, _): &(&String, _)| self.definition.name(name).is_some();
        let steps = self.state.steps.iter().filter(known);
        let attempts = steps.filter_map(|(_, step)| step.phase.attempt());
        let Some(next) = attempts.map(|attempt| attempt.until).min() else {
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
