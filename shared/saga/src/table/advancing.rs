//! What comes next, forwards or backwards, and the commands for it.

use super::Turn;
use crate::definition::{Command, Step, Undo};
use crate::events::{SagaCompensated, SagaCompleted, SagaStepStarted, SagaUndoStarted};
use crate::saga::Said;
use crate::state::{Phase, State, StepPhase};

/// What is to be done, in which direction.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Forth(&'static Step),
    Back(&'static str, Undo),
}

impl Turn<'_> {
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

    pub(super) fn ask(&mut self, way: Way, attempt: u32) {
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
}
