//! Where a workflow stands, and where each of its steps does: a small closed set of words for either.

use envelope::Timestamp;
use serde::Serialize;

/// Where a workflow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is on its way forth.
    Running,
    /// It is on its way back: what was done is undone.
    Compensating,
    /// It waits for a person.
    Stuck,
    /// Everything is done.
    Completed,
    /// It came to nothing, and everything is undone.
    Failed,
    /// It was called off, and everything is undone.
    Cancelled,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It is its turn.
    InFlight,
    /// It failed, and will be tried again.
    Retrying,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It is being undone.
    Compensating,
    /// It is undone, or will never be done.
    Compensated,
    /// All attempts failed: a person is waited for.
    Stuck,
    /// The workflow ended, or turned back, before it began.
    Skipped,
}

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// What had come of it before it was undone; where it stands, if it is not.
    #[serde(skip)]
    pub forth: StepState,
    /// The type of the event or of the command that it came of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
    /// When it became possible, or was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Of a choreographed step, at which attempt it was done or failed; of an orchestrated one, how often it was
    /// asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// When it was to be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensating_at: Option<Timestamp>,
    /// How often it was asked to be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensation_attempts: Option<u64>,
    /// When it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensated_at: Option<Timestamp>,
    /// Until when an answer is waited for, in whichever direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// When it is asked for again, in whichever direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it could not be undone at the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensation_reason: Option<String>,
    /// How a person has seen to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

impl State {
    /// The states that are no ends, the most urgent first.
    pub const OPEN: [Self; 3] = [Self::Stuck, Self::Compensating, Self::Running];

    /// Its name, which is also that of the list of the workflows that are in it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether something is going to happen yet.
    #[must_use]
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
}

impl Step {
    /// A step of which nothing was heard.
    pub(super) fn new(name: &str, state: StepState) -> Self {
        Self {
            name: name.to_owned(),
            state,
            forth: state,
            caused_by: None,
            began_at: None,
            ended_at: None,
            attempts: None,
            compensating_at: None,
            compensation_attempts: None,
            compensated_at: None,
            deadline: None,
            again_at: None,
            reason: None,
            compensation_reason: None,
            resolution: None,
        }
    }

    /// Whether anything was, or is being, done to undo it.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.compensating_at.or(self.compensated_at).is_some()
    }
}
