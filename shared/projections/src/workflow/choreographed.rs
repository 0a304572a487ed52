//! The steps of a choreography, derived from what caused what.
//!
//! Nobody knows the whole of it: each service reacts to an event of another one. So a step began when the
//! event happened that its outcome names as its cause. While it has no outcome, the plan says which
//! event it waits for.

use envelope::Timestamp;

use super::step::{State, Step, StepState};
use super::{Origin, View};
use crate::OrderStatus;

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

/// The steps, as they are meant to follow each other.
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

/// Where it stands. Of an order that failed, it goes on until all that was done is undone; of one that was
/// cancelled, until each step is undone or can no longer be done.
pub(super) fn state(view: &View) -> State {
    let happened = |event| view.when(event).is_some();
    let ends_of = |step: &Plan| [step.fails, step.undone, step.cancelled].map(happened);
    match view.story.status() {
        OrderStatus::Shipped | OrderStatus::Completed => State::Completed,
        OrderStatus::Failed => {
            let left = |step: &Plan| happened(step.done) && !happened(step.undone);
            if STEPS.iter().any(left) {
                State::Compensating
            } else {
                State::Failed
            }
        }
        OrderStatus::Cancelled => {
            if STEPS.iter().all(|step| ends_of(step).contains(&true)) {
                State::Cancelled
            } else {
                State::Compensating
            }
        }
        _ if STEPS.iter().any(|step| happened(step.fails)) => State::Compensating,
        _ => State::Running,
    }
}

/// What it began with, and the steps, one behind the other.
pub(super) fn steps(view: &View) -> (Step, Vec<Vec<Step>>) {
    let placed_at = view.when("OrderPlaced");
    let state = placed_at.map_or(StepState::Waiting, |_| StepState::Done);
    let start = Step {
        began_at: placed_at,
        ended_at: placed_at,
        ..Step::new("place-order", state)
    };
    (
        start,
        STEPS.iter().map(|plan| vec![step(view, plan)]).collect(),
    )
}

fn step(view: &View, plan: &Plan) -> Step {
    let (done, failed) = (view.when(plan.done), view.when(plan.fails));
    let compensated_at = done.and(view.when(plan.undone));
    let outcome = done
        .map(|_| plan.done)
        .or_else(|| failed.map(|_| plan.fails));
    let outcome = outcome.and_then(|event| view.origins.get(event));
    let planned = || view.when(plan.begins).map(|at| (plan.begins, at));
    let cause = outcome
        .and_then(|origin| cause_of(view, origin))
        .or_else(planned);
    let (status, state) = (view.story.status(), state(view));
    let state = match (cause, done, failed) {
        (_, Some(_), _) if compensated_at.is_some() => StepState::Compensated,
        (_, Some(_), _) if state == State::Compensating => StepState::Compensating,
        (_, Some(_), _) => StepState::Done,
        (_, _, Some(_)) => StepState::Failed,
        _ if view.when(plan.cancelled).is_some() => StepState::Skipped,
        // A later stream tells of it before its own does.
        _ if status == OrderStatus::Shipped => StepState::Done,
        _ if status == OrderStatus::Failed => StepState::Skipped,
        (Some(_), ..) => StepState::InFlight,
        _ => StepState::Waiting,
    };
    let undoing = state == StepState::Compensating;
    let forth = if undoing || compensated_at.is_some() {
        StepState::Done
    } else {
        state
    };
    let turned_at = turned_at(view).filter(|_| undoing || compensated_at.is_some());
    Step {
        forth,
        caused_by: cause.map(|(event, _)| event.to_owned()),
        began_at: cause.map(|(_, at)| at),
        ended_at: done.or(failed),
        attempts: outcome.map(|origin| origin.attempt),
        compensating_at: turned_at.filter(|at| compensated_at.is_none_or(|undone| *at <= undone)),
        compensated_at,
        reason: view.reasons.get(plan.fails).cloned(),
        ..Step::new(plan.name, state)
    }
}

/// The event of this order that caused another one, if it was heard of.
fn cause_of<'a>(view: &'a View, origin: &Origin) -> Option<(&'a str, Timestamp)> {
    let id = origin.cause.as_deref()?;
    let mut all = view.origins.iter();
    let (event, _) = all.find(|(_, other)| other.id == id)?;
    Some((event, view.when(event)?))
}

/// When something happened upon which everything is undone.
fn turned_at(view: &View) -> Option<Timestamp> {
    let failures = STEPS.iter().map(|step| step.fails);
    let turns = failures.chain(["OrderCancelled", "OrderFailed"]);
    turns.filter_map(|event| view.when(event)).min()
}
