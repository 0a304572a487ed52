//! Where an order is now: *accepted → stored → published → projected → step n of m → done*, or failed
//! because of something, or cancelled.
//!
//! An order that was accepted is stored: that is one write. That it was published shows in the views
//! of others, each of which has a function of its own and may be ahead of the order's.

use event_store::Load;
use http_api::{Request, Response, look_until};
use ports::{Clock, Consistency, LoadView};
use projection_kit::{Row, load_row};
use projections::workflow::{State, Step, StepState};
use projections::{Order, OrderStatus, Workflow, order, workflow};
use serde_json::{Value, json};

use crate::{Asked, QueryOrder, moving, unavailable};

/// What an order goes through before its workflow shows.
const PASSED: [&str; 4] = ["accepted", "stored", "published", "projected"];

impl<S: Load, V: LoadView, C: Clock> QueryOrder<S, V, C> {
    /// With `wait`, an answer that says something else than the client knows by its `If-None-Match`, or, if it
    /// names nothing, one that is final; when the time is up, whatever there is.
    pub(crate) async fn status(&self, asked: Asked<'_>) -> Result<Response, Response> {
        let wait = asked.request.wait()?;
        let names_one = asked.request.header("if-none-match").is_some();
        let is_news = |answer: &Answer| {
            if names_one {
                answer.response(asked.request).status_code != 304
            } else {
                !answer.moves
            }
        };
        let look = || self.status_now(asked);
        let last = look_until(&self.clock, wait, look, is_news).await?;
        Ok(last.response(asked.request))
    }

    async fn status_now(&self, asked: Asked<'_>) -> Result<Answer, Response> {
        let (order, workflow) = tokio::join!(
            load_row::<Order, V>(&self.views, asked.id, Consistency::Eventual),
            load_row::<Workflow, V>(&self.views, asked.id, Consistency::Eventual),
        );
        let order = order.map_err(|error| unavailable(&error))?;
        let workflow = workflow.map_err(|error| unavailable(&error))?;
        let owner = order.as_ref().and_then(|row| row.view.customer_id.clone());
        self.let_in(asked, owner).await?;
        Ok(answer(asked.id, order.as_ref(), workflow.as_ref()))
    }
}

/// A status, and whether another one will follow.
struct Answer {
    body: Value,
    moves: bool,
}

impl Answer {
    fn response(&self, request: &Request) -> Response {
        moving(self.moves, &self.body).unless_known(request)
    }
}

fn answer(
    id: &str,
    order: Option<&Row<order::View>>,
    workflow: Option<&Row<workflow::View>>,
) -> Answer {
    let passed = match (order, workflow) {
        (Some(_), _) => 4,
        (None, Some(_)) => 3,
        (None, None) => 2,
    };
    // The order's own view is what its reason and its end are read from; another may be ahead of it.
    let own = order.map(|row| &row.view.story);
    let story = own.or(workflow.map(|row| &row.view.story));
    let status = story.map_or(OrderStatus::Placed, projections::Story::status);
    // A saga says why it turned back before the order does.
    let own_reason = order.and_then(|row| row.view.reason.clone());
    let reason = own_reason.or_else(|| workflow.and_then(|row| row.view.reason()));
    let is_over = matches!(status, OrderStatus::Failed | OrderStatus::Cancelled);
    // A parcel that is on its way is the end of a choreography, and a step of a saga.
    let is_done = status == OrderStatus::Completed
        || status == OrderStatus::Shipped && order.is_some_and(|row| !row.view.is_open());
    let state = workflow.map(|row| row.view.state());
    let goes_on = state.is_some_and(State::is_open) && !is_done;
    let step = workflow.filter(|_| goes_on && (!is_over || state == Some(State::Stuck)));
    let step = step.and_then(|row| current(&row.view.steps()));
    let stage = match (status, state) {
        _ if passed < PASSED.len() => PASSED[passed - 1],
        (_, Some(State::Stuck)) => "stuck",
        (_, Some(State::Compensating)) if !is_done => "compensating",
        _ if is_over && state.is_none_or(State::is_open) => "compensating",
        (OrderStatus::Failed, _) => "failed",
        (OrderStatus::Cancelled, _) => "cancelled",
        _ if is_done => "done",
        _ if step.is_some() => "workflow",
        _ => "projected",
    };
    let moves = !matches!(stage, "done" | "failed" | "cancelled");
    let mut body = json!({
        "orderId": id, "status": status, "stage": stage, "passed": PASSED[..passed],
        "projected": order.is_some(), "_links": order::links(id),
    });
    let optional = [
        ("step", json!(step)),
        ("reason", json!(reason)),
        ("revision", json!(order.map(Row::revision))),
        ("updatedAt", json!(story.and_then(projections::Story::last))),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    Answer { body, moves }
}

/// The step whose turn it is, of how many.
fn current(steps: &[Step]) -> Option<Value> {
    let turn = |state| steps.iter().position(|step| step.state == state);
    let index = turn(StepState::Stuck)
        .or_else(|| turn(StepState::InFlight))
        .or_else(|| turn(StepState::Retrying))
        .or_else(|| turn(StepState::Waiting))?;
    let step = &steps[index];
    Some(json!({ "number": index + 1, "of": steps.len(), "name": step.name, "state": step.state }))
}
