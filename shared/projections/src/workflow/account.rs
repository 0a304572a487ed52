//! The account of a workflow: what there is to say of it at a moment, in whichever form it is shown.

use domain::OrderSaga;
use domain::events::Workflow as Style;
use envelope::Timestamp;
use saga::{Definition, Saga};
use serde::Serialize;

use super::{View, choreographed};
use crate::OrderStatus;

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

/// What there is to say of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The order.
    pub order_id: String,
    /// Which style it has.
    pub style: Style,
    /// Where it stands.
    pub state: State,
    /// Where the order stands.
    pub status: OrderStatus,
    /// Why it does not go on, or came to nothing.
    pub reason: Option<String>,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When the last thing happened.
    pub updated_at: Option<Timestamp>,
    /// How long it has been going on, or went on if it has ended.
    pub age_seconds: u64,
    /// What it began with.
    pub start: Step,
    /// The steps, in order; those of one stage run side by side.
    pub stages: Vec<Vec<Step>>,
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

impl Account {
    /// The steps, without what it began with.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten()
    }

    /// What it began with and the steps, as a picture has them side by side.
    pub(super) fn columns(&self) -> Vec<Vec<&Step>> {
        let stages = self.stages.iter().map(|stage| stage.iter().collect());
        [vec![&self.start]].into_iter().chain(stages).collect()
    }

    /// Where in the columns the steps stand that are undone, in the order of it. Of a saga these are those that it
    /// has undone; in a choreography nobody asks for anything, so they come as they are undone.
    pub(super) fn undone(&self) -> Vec<(usize, usize)> {
        let mut undone = Vec::new();
        for (column, steps) in self.columns().iter().enumerate().rev() {
            for (row, step) in steps.iter().enumerate() {
                let (asked, done) = (step.compensating_at, step.compensated_at);
                let at = match self.style {
                    Style::Choreography => done.or(asked).map(|at| (done.is_none(), at)),
                    Style::Orchestration => asked.map(|at| (false, at)),
                };
                undone.extend(at.map(|(is_last, at)| (is_last, at.as_millis(), column, row)));
            }
        }
        // Those of the same moment stay as they are: from the right to the left.
        undone.sort_by_key(|(is_last, at, ..)| (*is_last, *at));
        let places = undone.into_iter();
        places.map(|(_, _, column, row)| (column, row)).collect()
    }

    /// Where the steps stand that were undone without being asked: what the order began with is, when the
    /// order is cancelled.
    pub(super) fn undone_by_others(&self) -> Vec<(usize, usize)> {
        let asked = self.undone();
        let mut others = Vec::new();
        for (column, steps) in self.columns().iter().enumerate() {
            let places = (0..steps.len()).map(|row| (column, row));
            let is_other =
                |place: &(usize, usize)| steps[place.1].is_undone() && !asked.contains(place);
            others.extend(places.filter(is_other));
        }
        others
    }

    /// The step that the workflow is at: one that waits for a person, or else the first that is under way.
    #[must_use]
    pub fn current(&self) -> Option<&Step> {
        use StepState::{Compensating, InFlight, Retrying, Stuck};
        let all = || self.steps().chain([&self.start]);
        let find = |states: &[StepState]| all().find(|step| states.contains(&step.state));
        find(&[Stuck]).or_else(|| find(&[InFlight, Retrying, Compensating]))
    }
}

impl View {
    /// What there is to say of it now.
    #[must_use]
    pub fn account(&self, now: Timestamp) -> Account {
        let (state, (start, stages)) = (self.state(), self.all_steps());
        let (began_at, updated_at) = (self.when("OrderPlaced"), self.updated_at());
        let until = if state.is_open() {
            Some(now)
        } else {
            updated_at
        };
        let age = began_at.zip(until);
        let stuck = |step: &&Step| step.state == StepState::Stuck;
        let stuck = stages.iter().flatten().find(stuck);
        let said = self.saga.as_ref().and_then(|saga| saga.reason());
        let said = said.or_else(|| stuck.and_then(|step| step.reason.as_deref()));
        let of_order = ["OrderFailed", "OrderCancelled"].map(|event| self.reasons.get(event));
        let mut of_order = of_order.into_iter().flatten().map(String::as_str);
        Account {
            order_id: self.order_id.clone(),
            style: if self.is_orchestrated() {
                Style::Orchestration
            } else {
                Style::Choreography
            },
            state,
            status: self.story.status(),
            reason: said.or_else(|| of_order.next()).map(str::to_owned),
            began_at,
            updated_at,
            age_seconds: age.map_or(0, |(began, until)| until.millis_since(began) / 1_000),
            start,
            stages,
        }
    }

    /// The steps in order, without what it began with.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.all_steps().1.into_iter().flatten().collect()
    }

    fn all_steps(&self) -> (Step, Vec<Vec<Step>>) {
        if !self.is_orchestrated() {
            return choreographed::steps(self);
        }
        let none = super::Conduct::default();
        let saga = self.saga.as_ref().unwrap_or(&none);
        saga.steps(definition(saga.definition()), self.when("OrderPlaced"))
    }

    fn updated_at(&self) -> Option<Timestamp> {
        let saga = self.saga.as_ref().and_then(|saga| saga.updated_at);
        self.story.last().max(saga)
    }
}

/// The definition that a saga goes by, or the newest if it goes by one that is not known here.
fn definition(version: u32) -> &'static Definition {
    let known = OrderSaga::DEFINITIONS.iter();
    let mut known = known.filter(|definition| definition.version == version);
    known.next().unwrap_or(&OrderSaga::DEFINITIONS[0])
}
