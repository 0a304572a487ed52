//! Where the workflow of an order stands: its steps, and what was undone.

use std::collections::BTreeMap;

use envelope::{ATTEMPT, Envelope, StreamId, Timestamp, UnreadableEvent};
use projection_kit::{Nothing, Place, Projection};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::story::{OrderStory, order_of, sortable};
use crate::{OrderStatus, Story};

/// The list of the workflows that have not ended, the oldest first.
pub const LIST: &str = "open";

/// Keeps [`View`].
#[derive(Debug)]
pub enum Workflow {}

/// The workflow of one order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The order.
    pub order_id: String,
    /// Why steps failed, by event type.
    pub reasons: BTreeMap<String, String>,
    /// At which attempt something happened, by event type, if not at the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attempts: BTreeMap<String, u64>,
    /// What happened, and when.
    pub story: Story,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It is its turn.
    InFlight,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It was done, and was undone.
    Compensated,
    /// The workflow ended before it was done.
    Skipped,
}

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub state: StepState,
    /// When it became possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// At which attempt it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// When it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensated_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What tells of a step, by event type.
struct Plan {
    name: &'static str,
    begins: &'static str,
    done: &'static str,
    fails: &'static str,
    /// It is undone after it was done.
    undone: &'static str,
    /// It never will be done, because the order was cancelled before.
    cancelled: &'static str,
}

/// The steps of the choreography.
const STEPS: [Plan; 3] = [
    Plan {
        name: "reserve-inventory",
        begins: "OrderPlaced",
        done: "InventoryReserved",
        fails: "InventoryReserveFailed",
        undone: "InventoryReleased",
        cancelled: "InventoryReleased",
    },
    Plan {
        name: "charge-payment",
        begins: "InventoryReserved",
        done: "PaymentCompleted",
        fails: "PaymentFailed",
        undone: "PaymentRefunded",
        cancelled: "PaymentCancelled",
    },
    Plan {
        name: "ship-order",
        begins: "PaymentCompleted",
        done: "OrderShipped",
        fails: "ShipmentFailed",
        undone: "ShipmentCancelled",
        cancelled: "ShipmentCancelled",
    },
];

impl View {
    /// Whether something is going to happen yet: of an order that failed, until all that was done
    /// is undone; of one that was cancelled, until each step is undone, or can no longer be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let happened = |event| self.story.when(event).is_some();
        match self.story.status() {
            OrderStatus::Shipped => false,
            OrderStatus::Failed => {
                let left = |step: &Plan| happened(step.done) && !happened(step.undone);
                STEPS.iter().any(left)
            }
            OrderStatus::Cancelled => {
                let ends = |step: &Plan| [step.fails, step.undone, step.cancelled];
                STEPS
                    .iter()
                    .any(|step| !ends(step).into_iter().any(happened))
            }
            _ => true,
        }
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        STEPS.iter().map(|plan| self.step(plan)).collect()
    }

    fn step(&self, plan: &Plan) -> Step {
        let when = |event: &str| self.story.when(event);
        let (began_at, done, failed) = (when(plan.begins), when(plan.done), when(plan.fails));
        let compensated_at = done.and(when(plan.undone));
        let attempts = |event: &str| self.attempts.get(event).copied().unwrap_or(1);
        let status = self.story.status();
        let state = match (began_at, done, failed) {
            (_, Some(_), _) if compensated_at.is_some() => StepState::Compensated,
            (_, Some(_), _) => StepState::Done,
            (_, _, Some(_)) => StepState::Failed,
            _ if when(plan.cancelled).is_some() => StepState::Skipped,
            // A later stream tells of it before its own does.
            _ if status == OrderStatus::Shipped => StepState::Done,
            _ if status == OrderStatus::Failed => StepState::Skipped,
            (Some(_), ..) => StepState::InFlight,
            _ => StepState::Waiting,
        };
        Step {
            name: plan.name,
            state,
            began_at,
            ended_at: done.or(failed),
            attempts: done
                .map(|_| plan.done)
                .or(failed.map(|_| plan.fails))
                .map(attempts),
            compensated_at,
            reason: self.reasons.get(plan.fails).cloned(),
        }
    }
}

impl Projection for Workflow {
    const NAME: &'static str = "workflow";
    const FUNCTION: &'static str = "project-workflow";
    const LAYOUT: u32 = 1;

    type Before = Nothing;
    type View = View;

    fn view_of(stream: &StreamId) -> Option<&str> {
        order_of(stream)
    }

    fn new(id: &str) -> View {
        View {
            order_id: id.to_owned(),
            ..View::default()
        }
    }

    fn fold(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
        let happened = view.story.tell(event)?;
        let attempt = event.metadata.extra.get(ATTEMPT).and_then(Value::as_u64);
        if let Some(attempt) = attempt {
            view.attempts.insert(event.event_type.clone(), attempt);
        }
        let reason = match happened {
            OrderStory::OrderFailed(failed) => failed.reason,
            OrderStory::InventoryReserveFailed(failed) => failed.reason,
            OrderStory::PaymentFailed(failed) => failed.reason,
            OrderStory::ShipmentFailed(failed) => failed.reason,
            _ => return Ok(()),
        };
        view.reasons.insert(event.event_type.clone(), reason);
        Ok(())
    }

    fn place(view: &View) -> Option<Place> {
        let began = view.story.when("OrderPlaced")?;
        view.is_open().then(|| Place {
            list: LIST.to_owned(),
            place: sortable(began, &view.order_id),
        })
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}
