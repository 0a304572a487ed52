//! Where a saga stands: the fold of its events.

use std::collections::BTreeMap;

use envelope::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::{Answer, Kept, Progress};

/// Where a saga stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// Which way it is going.
    pub phase: Phase,
    /// The version of the definition that it goes by.
    pub definition: u32,
    /// What it kept of the events that it heard.
    pub kept: Kept,
    /// Why it fails.
    pub reason: Option<String>,
    /// Each step that anything was heard of, by name.
    pub steps: BTreeMap<String, StepState>,
    /// When it looks at the clock next.
    #[schemars(with = "Option<i64>")]
    pub timer: Option<Timestamp>,
}

/// Which way a saga is going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// It has not begun.
    #[default]
    Absent,
    /// Forwards.
    Running,
    /// Backwards: what was done is undone.
    Compensating,
    /// Everything is done.
    Completed,
    /// Everything is undone.
    Compensated,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepState {
    /// What is known of it.
    pub phase: StepPhase,
    /// The newest version of the service's stream that was heard of. What is not newer is known.
    pub heard: u64,
}

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepPhase {
    /// It was asked for.
    Started(Attempt),
    /// It failed, and will be asked for again.
    Waiting(Attempt),
    /// It is done.
    Done,
    /// It was refused: there is nothing to undo.
    Refused,
    /// Nobody answered. It may have been done.
    Unanswered,
    /// It was asked to be undone.
    Undoing(Attempt),
    /// Undoing it failed, and will be asked for again.
    UndoWaiting(Attempt),
    /// It is undone, or will never be done.
    Undone,
    /// All attempts to do it failed, and it cannot be undone: a person is waited for.
    Stuck,
    /// All attempts to undo it failed: a person is waited for.
    UndoStuck,
}

/// An attempt that something is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// Until when.
    #[schemars(with = "i64")]
    pub until: Timestamp,
}

impl StepPhase {
    /// Until when something is waited for.
    #[must_use]
    pub fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Started(attempt)
            | Self::Waiting(attempt)
            | Self::Undoing(attempt)
            | Self::UndoWaiting(attempt) => Some(*attempt),
            _ => None,
        }
    }

    /// Whether it is on its way back.
    #[must_use]
    pub fn is_undoing(&self) -> bool {
        matches!(
            self,
            Self::Undoing(_) | Self::UndoWaiting(_) | Self::UndoStuck
        )
    }

    /// Whether a person is waited for.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        matches!(self, Self::Stuck | Self::UndoStuck)
    }
}

impl State {
    /// What is known of a step; nothing if nothing was heard of it.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<StepPhase> {
        self.steps.get(name).map(|step| step.phase)
    }

    /// The steps for which a person is waited for.
    pub fn stuck(&self) -> impl Iterator<Item = &str> {
        let stuck = self.steps.iter().filter(|(_, step)| step.phase.is_stuck());
        stuck.map(|(name, _)| name.as_str())
    }

    /// Whether nothing more is going to happen, unless an answer comes late.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Completed | Phase::Compensated)
    }

    fn set(&mut self, name: &str, phase: StepPhase) {
        let step = self.steps.entry(name.to_owned());
        let step = step.or_insert(StepState { phase, heard: 0 });
        step.phase = phase;
    }

    fn heard(&mut self, name: &str, answer: Option<&Answer>) {
        if let (Some(step), Some(answer)) = (self.steps.get_mut(name), answer) {
            step.heard = step.heard.max(answer.version);
        }
    }

    /// The state after one more event.
    #[must_use]
    pub fn after(mut self, event: &Progress) -> Self {
        match event {
            Progress::SagaStarted(e) => {
                self.phase = Phase::Running;
                self.definition = e.definition;
                self.kept.clone_from(&e.kept);
                self.set(&e.step, StepPhase::Done);
                self.heard(&e.step, Some(&e.answer));
            }
            Progress::SagaStepStarted(e) => {
                let (number, until) = (e.attempt, e.deadline);
                self.set(&e.step, StepPhase::Started(Attempt { number, until }));
            }
            Progress::SagaStepCompleted(e) => {
                self.kept.extend(e.kept.clone());
                // One that is being undone goes on being undone: the answer came late.
                if !self.step(&e.step).is_some_and(|step| step.is_undoing()) {
                    self.set(&e.step, StepPhase::Done);
                }
                self.heard(&e.step, Some(&e.answer));
            }
            Progress::SagaStepFailed(e) => {
                let number = self.attempt(&e.step);
                let phase = match (e.again_at, &e.answer) {
                    (Some(until), _) => StepPhase::Waiting(Attempt { number, until }),
                    (None, Some(_)) => StepPhase::Refused,
                    (None, None) => StepPhase::Unanswered,
                };
                self.set(&e.step, phase);
                self.heard(&e.step, e.answer.as_ref());
            }
            Progress::SagaCompensating(e) => {
                self.phase = Phase::Compensating;
                self.reason.get_or_insert_with(|| e.reason.clone());
            }
            Progress::SagaUndoStarted(e) => {
                let (number, until) = (e.attempt, e.deadline);
                self.set(&e.step, StepPhase::Undoing(Attempt { number, until }));
            }
            Progress::SagaUndoCompleted(e) => {
                self.set(&e.step, StepPhase::Undone);
                self.heard(&e.step, Some(&e.answer));
            }
            Progress::SagaUndoFailed(e) => {
                let (number, until) = (self.attempt(&e.step), e.again_at);
                self.set(&e.step, StepPhase::UndoWaiting(Attempt { number, until }));
                self.heard(&e.step, e.answer.as_ref());
            }
            Progress::SagaStuck(e) => {
                let phases = [StepPhase::Stuck, StepPhase::UndoStuck];
                self.set(&e.step, phases[usize::from(e.undoing)]);
                self.heard(&e.step, e.answer.as_ref());
            }
            Progress::SagaResumed(e) => e.steps.iter().for_each(|step| self.begin_anew(step)),
            Progress::SagaStepResolved(e) => match self.step(&e.step) {
                Some(StepPhase::Stuck) => self.set(&e.step, StepPhase::Done),
                _ => self.set(&e.step, StepPhase::Undone),
            },
            Progress::SagaMigrated(e) => {
                self.definition = e.to;
                let name = |old: String| e.renamed.get(&old).cloned().unwrap_or(old);
                let steps = std::mem::take(&mut self.steps).into_iter();
                self.steps = steps.map(|(old, step)| (name(old), step)).collect();
            }
            Progress::SagaTimerSet(e) => self.timer = Some(e.at),
            Progress::SagaCompleted(_) => self.phase = Phase::Completed,
            Progress::SagaCompensated(e) => {
                self.phase = Phase::Compensated;
                self.reason.get_or_insert_with(|| e.reason.clone());
            }
        }
        self
    }

    fn attempt(&self, step: &str) -> u32 {
        let attempt = self.step(step).and_then(|phase| phase.attempt());
        attempt.map_or(1, |attempt| attempt.number)
    }

    /// As if it were to be asked for the first time, and at once, in the direction in which it is to go.
    fn begin_anew(&mut self, step: &str) {
        let at_once = Attempt {
            number: 0,
            until: Timestamp::from_millis(0),
        };
        match self.step(step) {
            Some(StepPhase::Stuck | StepPhase::Started(_) | StepPhase::Waiting(_)) => {
                self.set(step, StepPhase::Waiting(at_once));
            }
            Some(phase) if phase.is_undoing() => self.set(step, StepPhase::UndoWaiting(at_once)),
            _ => {}
        }
    }
}
