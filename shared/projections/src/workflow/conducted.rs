//! The steps of an orchestrated order, as its saga tells of them.
//!
//! Where each step stands is the saga's own state, folded by the saga's own rules, so that the two cannot differ;
//! what is added here is when each thing happened, and why.

use std::collections::BTreeMap;

use envelope::Timestamp;
use saga::events::Progress;
use saga::{Definition, Phase, StepPhase};
use serde::{Deserialize, Serialize};

use super::step::{State, Step, StepState};

/// What a saga says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conduct {
    /// Its state, without what it keeps for its commands: that is personal, and nobody asks for it here.
    state: saga::State,
    /// The course of each step, by name.
    courses: BTreeMap<String, Course>,
    /// When it said something last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<Timestamp>,
}

/// When things happened to a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Course {
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_began_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_at: Option<Timestamp>,
    undo_attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<String>,
}

impl Course {
    /// What had come of the step before it was undone.
    fn forth(&self, state: StepState) -> StepState {
        if self.undo_began_at.or(self.undone_at).is_none() {
            return state;
        }
        match self.ended_at {
            Some(_) if self.reason.is_some() => StepState::Failed,
            Some(_) => StepState::Done,
            None if self.undone_at.is_some() => StepState::Skipped,
            None => StepState::InFlight,
        }
    }
}

impl Conduct {
    pub(super) fn tell(&mut self, progress: &Progress, at: Timestamp) {
        self.note(progress, at);
        self.state = std::mem::take(&mut self.state).after(progress);
        self.state.kept.clear();
        // That it looks at the clock is no news.
        if !matches!(progress, Progress::SagaTimerSet(_)) {
            self.updated_at = Some(at);
        }
    }

    pub(super) fn leave_out_internals(&mut self) {
        for course in self.courses.values_mut() {
            course.resolution = None;
        }
    }

    fn course(&mut self, step: &str) -> &mut Course {
        self.courses.entry(step.to_owned()).or_default()
    }

    fn note(&mut self, progress: &Progress, at: Timestamp) {
        match progress {
            Progress::SagaStarted(e) => {
                let course = self.course(&e.step);
                (course.began_at, course.ended_at) = (Some(at), Some(at));
            }
            Progress::SagaStepStarted(e) => {
                let course = self.course(&e.step);
                course.began_at.get_or_insert(at);
                course.ended_at = None;
                course.attempts = e.attempt;
            }
            Progress::SagaStepCompleted(e) => {
                let course = self.course(&e.step);
                course.ended_at = Some(at);
                course.reason = None;
            }
            Progress::SagaStepFailed(e) => {
                let course = self.course(&e.step);
                course.ended_at = Some(at).filter(|_| e.again_at.is_none());
                course.reason = Some(e.reason.clone());
            }
            Progress::SagaUndoStarted(e) => {
                let course = self.course(&e.step);
                course.undo_began_at.get_or_insert(at);
                course.undone_at = None;
                course.undo_attempts = e.attempt;
            }
            Progress::SagaUndoCompleted(e) => {
                let course = self.course(&e.step);
                course.undone_at = Some(at);
                course.undo_reason = None;
            }
            Progress::SagaUndoFailed(e) => {
                self.course(&e.step).undo_reason = Some(e.reason.clone());
            }
            Progress::SagaStuck(e) if e.undoing => {
                self.course(&e.step).undo_reason = Some(e.reason.clone());
            }
            Progress::SagaStuck(e) => self.course(&e.step).reason = Some(e.reason.clone()),
            Progress::SagaStepResolved(e) => {
                let forth = self.state.step(&e.step) == Some(StepPhase::Stuck);
                let course = self.course(&e.step);
                if forth {
                    (course.ended_at, course.reason) = (Some(at), None);
                } else {
                    (course.undone_at, course.undo_reason) = (Some(at), None);
                }
                course.resolution = Some(e.reason.clone());
            }
            Progress::SagaMigrated(e) => {
                let name = |old: String| e.renamed.get(&old).cloned().unwrap_or(old);
                let courses = std::mem::take(&mut self.courses).into_iter();
                self.courses = courses.map(|(old, course)| (name(old), course)).collect();
            }
            Progress::SagaCompensating(_)
            | Progress::SagaResumed(_)
            | Progress::SagaTimerSet(_)
            | Progress::SagaCompleted(_)
            | Progress::SagaCompensated(_) => {}
        }
    }

    /// The version of the definition that it goes by; 0 before it began.
    pub(super) fn definition(&self) -> u32 {
        self.state.definition
    }

    /// Why it fails.
    pub(super) fn reason(&self) -> Option<&str> {
        self.state.reason.as_deref()
    }

    pub(super) fn state(&self, was_cancelled: bool) -> State {
        match self.state.phase {
            Phase::Completed => State::Completed,
            Phase::Compensated if was_cancelled => State::Cancelled,
            Phase::Compensated => State::Failed,
            _ if self.state.stuck().next().is_some() => State::Stuck,
            Phase::Compensating => State::Compensating,
            Phase::Absent | Phase::Running => State::Running,
        }
    }

    /// What it began with, and the steps by stages. Those that the definition does not have, because it is
    /// newer than the saga, come last.
    pub(super) fn steps(
        &self,
        definition: &Definition,
        placed_at: Option<Timestamp>,
    ) -> (Step, Vec<Vec<Step>>) {
        let mut start = self.step(definition, definition.start.name);
        if self.state.step(definition.start.name).is_none() {
            // The saga has not heard of it, or never will: it was called off before.
            start.state = placed_at.map_or(StepState::Waiting, |_| StepState::Done);
            (start.began_at, start.ended_at) = (placed_at, placed_at);
        }
        let stages = definition.stages.iter().map(|stage| {
            let steps = stage.iter().map(|step| self.step(definition, step.name));
            steps.collect::<Vec<_>>()
        });
        let is_new =
            |name: &&String| *name != definition.start.name && definition.step(name).is_none();
        let others = self.state.steps.keys().filter(is_new);
        let others = others.map(|name| vec![self.step(definition, name)]);
        (start, stages.chain(others).collect())
    }

    fn step(&self, definition: &Definition, name: &str) -> Step {
        let phase = self.state.step(name);
        let none = Course::default();
        let course = self.courses.get(name).unwrap_or(&none);
        let command = definition.step(name).map(|step| step.command.name);
        let count = |number: u32| Some(u64::from(number)).filter(|number| *number > 0);
        let (mut deadline, mut again_at) = (None, None);
        match phase {
            Some(StepPhase::Started(attempt) | StepPhase::Undoing(attempt)) => {
                deadline = Some(attempt.until);
            }
            Some(StepPhase::Waiting(attempt) | StepPhase::UndoWaiting(attempt)) => {
                again_at = Some(attempt.until);
            }
            _ => {}
        }
        let caused_by = command.filter(|_| course.began_at.is_some());
        let state = self.step_state(phase);
        Step {
            forth: course.forth(state),
            caused_by: caused_by.map(str::to_owned),
            began_at: course.began_at,
            ended_at: course.ended_at,
            attempts: count(course.attempts),
            compensating_at: course.undo_began_at,
            compensation_attempts: count(course.undo_attempts),
            compensated_at: course.undone_at,
            deadline,
            again_at,
            reason: course.reason.clone(),
            compensation_reason: course.undo_reason.clone(),
            resolution: course.resolution.clone(),
            ..Step::new(name, state)
        }
    }

    fn step_state(&self, phase: Option<StepPhase>) -> StepState {
        match phase {
            None if matches!(self.state.phase, Phase::Absent | Phase::Running) => {
                StepState::Waiting
            }
            None => StepState::Skipped,
            Some(StepPhase::Started(_)) => StepState::InFlight,
            Some(StepPhase::Waiting(_)) => StepState::Retrying,
            Some(StepPhase::Done) => StepState::Done,
            Some(StepPhase::Refused | StepPhase::Unanswered) => StepState::Failed,
            Some(StepPhase::Undoing(_) | StepPhase::UndoWaiting(_)) => StepState::Compensating,
            Some(StepPhase::Undone) => StepState::Compensated,
            Some(StepPhase::Stuck | StepPhase::UndoStuck) => StepState::Stuck,
        }
    }
}
