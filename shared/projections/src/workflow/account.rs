//! The account of a workflow: what there is to say of it at a moment, in whichever form it is shown.

use domain::OrderSaga;
use domain::events::Workflow as Style;
use envelope::Timestamp;
use saga::{Definition, Saga};

use super::step::{State, Step, StepState};
use super::{View, choreographed};
use crate::OrderStatus;

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

    /// Where the step stands that failed; nothing if the order was called off.
    pub(super) fn turning_point(&self) -> Option<(usize, usize)> {
        let failed = |step: &&Step| step.forth == StepState::Failed;
        let columns = self.columns().into_iter().enumerate();
        let places = columns.filter_map(|(column, steps)| {
            let row = steps.iter().position(failed);
            row.map(|row| (column, row))
        });
        places.min()
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
        Account {
            order_id: self.order_id.clone(),
            style: if self.is_orchestrated() {
                Style::Orchestration
            } else {
                Style::Choreography
            },
            state,
            status: self.story.status(),
            reason: self.reason(),
            began_at,
            updated_at,
            age_seconds: age.map_or(0, |(began, until)| until.millis_since(began) / 1_000),
            start,
            stages,
        }
    }

    /// Why it failed, was called off, or does not go on.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let said = self.saga.as_ref().and_then(|saga| saga.reason());
        if said.is_some() {
            return said.map(str::to_owned);
        }
        let stuck = |step: &Step| step.state == StepState::Stuck;
        let stuck = self.steps().into_iter().find(stuck);
        let of_order = ["OrderFailed", "OrderCancelled"].map(|event| self.reasons.get(event));
        let of_order = of_order.into_iter().flatten().next();
        stuck
            .and_then(|step| step.reason)
            .or_else(|| of_order.cloned())
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
