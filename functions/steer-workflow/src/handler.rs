//! `POST /orders/{id}/workflow/interventions`: an operator has a workflow go on that is stuck, and says why.
//!
//! The saga itself decides whether it is stuck, and what follows. What it then sends bears its mark, as if it had
//! gone on by itself, so that the commands reach those whom they are for, and nobody else.

use domain::OrderSaga;
use envelope::{Aggregate, CommandId, Version};
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Request, Response, Token};
use ports::{Clock, Ids};
use saga::{Conducted, Happening, Intervention, Rejection, Saga, What};
use serde::Deserialize;
use serde_json::{Value, json};

/// As long as the reason of a cancellation may be.
const REASON_CHARS_MAX: usize = 500;

/// The handler.
#[derive(Clone)]
pub struct SteerWorkflow<S, C, I> {
    sagas: Decider<Conducted<OrderSaga>, S, C>,
    clock: C,
    ids: I,
}

/// What a client sends.
#[derive(Debug, Deserialize)]
struct Body {
    action: Option<String>,
    step: Option<String>,
    reason: Option<String>,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> SteerWorkflow<S, C, I> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I) -> Self {
        Self {
            sagas: Decider::new(store, clock.clone()),
            clock,
            ids,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let answered = self.step_in(&request).await;
        serde_json::to_value(answered.unwrap_or_else(|early| early))
    }

    async fn step_in(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        caller.operates()?;
        let id = request.path_parameter("id");
        Conducted::<OrderSaga>::stream(id).map_err(|_| Response::not_found())?;
        let (intervention, reason) = read(request.json()?)?;
        let sent = request.sent(&caller, &[caller.subject()], || {
            CommandId::from_uuid(self.ids.next())
        })?;
        let sent = sent.conducted_by(OrderSaga::NAME);
        let happening = Happening {
            what: What::Intervention(intervention, reason),
            now: self.clock.now(),
            seed: sent.cause.commit_id().digest(),
        };
        let version = sent.carry_out(&self.sagas, id, &happening, refuse).await?;
        Ok(accepted(id, version))
    }
}

/// What is to be done, and why: or all that is wrong with it.
fn read(body: Body) -> Result<(Intervention, String), Response> {
    let mut broken = Vec::new();
    let mut wrong = |field: &str, detail: &str| {
        broken.push(Broken::at(format!("/{field}"), detail.to_owned()));
    };
    let step = body.step.unwrap_or_default();
    let intervention = match body.action.as_deref() {
        Some("resume") => Some(Intervention::Resume),
        Some("retry" | "resolve") if step.is_empty() => {
            wrong("step", "`retry` and `resolve` are about a step");
            None
        }
        Some("retry") => Some(Intervention::Retry(step)),
        Some("resolve") => Some(Intervention::Resolve(step)),
        _ => {
            wrong("action", "an action is `resume`, `retry` or `resolve`");
            None
        }
    };
    let reason = body.reason.unwrap_or_default();
    if !(1..=REASON_CHARS_MAX).contains(&reason.trim().chars().count()) {
        let detail = format!("a reason has 1 to {REASON_CHARS_MAX} characters");
        wrong("reason", &detail);
    }
    match intervention {
        Some(intervention) if broken.is_empty() => Ok((intervention, reason.trim().to_owned())),
        _ => Err(Response::refused("Intervention refused", broken)),
    }
}

fn refuse(rejection: &Rejection) -> Response {
    match rejection {
        Rejection::Absent => Response::not_found(),
        Rejection::NothingToDo | Rejection::OtherStep(_) | Rejection::UnknownDefinition(_) => {
            Response::problem(409, "Not possible now", &rejection.to_string())
        }
    }
}

fn accepted(id: &str, version: Version) -> Response {
    let order = format!("/orders/{id}");
    let workflow = format!("{order}/workflow");
    let body = json!({
        "orderId": id,
        "version": version,
        "token": Token::of::<Conducted<OrderSaga>>(id, version.get()).to_string(),
        "_links": {
            "self": { "href": order },
            "status": { "href": format!("{order}/status") },
            "workflow": { "href": workflow },
        },
    });
    Response::json(202, &body)
        .with("location", workflow)
        .with("retry-after", "1")
}

#[cfg(test)]
mod tests;
