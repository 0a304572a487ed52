//! `GET /orders/{id}`, `GET /orders/{id}/status` and `GET /orders/{id}/workflow`, from the read models.
//!
//! A view that is missing can mean two things, and the answer says which: the order was taken and
//! is not projected yet, or nobody ever placed it. To tell them apart, and to know whose an order is
//! whose view does not say so yet, is all that the event store is asked.
//!
//! An order of somebody else is answered exactly like one that does not exist.

mod form;
mod status;

use domain::Aggregate;
use envelope::Version;
use event_store::{Decider, Load};
use http_api::{AFTER_MAX, Caller, Request, Response, Token, look_until};
use ports::{Clock, Consistency, LoadView};
use projection_kit::{Projection, Row, has_reached, load_row};
use projections::{Order, OrderStatus, Workflow, order, workflow};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::chain;
use tracing::error;

use form::Form;

/// The handler.
#[derive(Clone)]
pub struct QueryOrder<S, V, C> {
    orders: Decider<domain::Order, S, C>,
    views: V,
    clock: C,
}

impl<S: Load, V: LoadView, C: Clock> QueryOrder<S, V, C> {
    /// A handler over the views.
    pub fn new(store: S, views: V, clock: C) -> Self {
        Self {
            orders: Decider::new(store, clock.clone()),
            views,
            clock,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let answered = self.answer(&request).await;
        serde_json::to_value(answered.unwrap_or_else(|early| early))
    }

    /// Every early end is an answer, too.
    async fn answer(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        let id = request.path_parameter("id");
        domain::Order::stream(id).map_err(|_| Response::not_found())?;
        let asked = Asked {
            request,
            caller: &caller,
            id,
        };
        match request.route_key.rsplit('/').next() {
            Some("status") => self.status(asked).await,
            Some("workflow") => {
                let (form, now) = (Form::of(request)?, self.clock.now());
                let operates = caller.operates().is_ok();
                let shown = |row: &Row<workflow::View>| {
                    let mut row = row.clone();
                    if !operates {
                        row.view.leave_out_internals();
                    }
                    form.show(&row, now, request)
                };
                // The workflow's view does not say whose it is.
                self.view::<Workflow>(asked, |_| None, shown).await
            }
            _ => {
                let whole = |row: &Row<order::View>| {
                    let answer = moving(row.view.is_open(), &order::whole(row));
                    let version = row.version_of(domain::Order::TYPE);
                    answer.of_version_unless_known(version.get(), request)
                };
                let owner = |view: &order::View| view.customer_id.clone();
                self.view::<Order>(asked, owner, whole).await
            }
        }
    }

    /// An answer from a view, as new as the caller asks for.
    async fn view<P: Projection>(
        &self,
        asked: Asked<'_>,
        owner: impl Fn(&P::View) -> Option<domain::CustomerId>,
        answer: impl Fn(&Row<P::View>) -> Response,
    ) -> Result<Response, Response> {
        let found = self.row::<P>(asked.id).await?;
        let known = found.as_ref().and_then(|row| owner(&row.view));
        // First of all: how long an answer takes must not tell of an order either.
        self.let_in(asked, known).await?;
        let Some(token) = asked.request.after()? else {
            return Ok(found.map_or_else(|| not_yet(asked.id), |row| answer(&row)));
        };
        if !self.has_seen::<P>(asked.id, &token).await? {
            return Ok(not_yet(asked.id));
        }
        let found = self.row::<P>(asked.id).await?;
        Ok(found.map_or_else(|| not_yet(asked.id), |row| answer(&row)))
    }

    async fn row<P: Projection>(&self, id: &str) -> Result<Option<Row<P::View>>, Response> {
        let found = load_row::<P, V>(&self.views, id, Consistency::Eventual).await;
        found.map_err(|error| unavailable(&error))
    }

    /// Waits until the view has seen what the caller has written, for a bounded time; false if it has not.
    async fn has_seen<P: Projection>(&self, id: &str, token: &Token) -> Result<bool, Response> {
        let wrong = || {
            let detail = "`after` is the `token` that a command about this order was answered with";
            Response::problem(400, "Malformed query", detail)
        };
        let stream = token
            .stream()
            .filter(|stream| P::view_of(stream) == Some(id));
        let (stream, version) = (stream.ok_or_else(wrong)?, Version::new(token.version));
        let look = || has_reached::<P, V>(&self.views, &stream, version, |_| true);
        let reached = |seen: &Option<bool>| *seen == Some(true);
        let seen = look_until(&self.clock, AFTER_MAX, look, reached).await;
        Ok(reached(&seen.map_err(|error| unavailable(&error))?))
    }

    /// Lets the order's customer pass, and operators; nobody, if there is no such order.
    async fn let_in(
        &self,
        asked: Asked<'_>,
        known: Option<domain::CustomerId>,
    ) -> Result<(), Response> {
        let owner = match known {
            Some(owner) => owner,
            None => {
                let found = self.orders.find(asked.id).await;
                let found = found.map_err(|error| unavailable(&error))?;
                let owner = found.and_then(|found| found.state.customer_id().cloned());
                owner.ok_or_else(Response::not_found)?
            }
        };
        let allowed = asked.caller.may_see(owner.as_str());
        allowed.then_some(()).ok_or_else(Response::not_found)
    }
}

/// What is asked, and by whom.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    caller: &'a Caller,
    id: &'a str,
}

/// The order was taken, and what is asked for is not there yet.
fn not_yet(id: &str) -> Response {
    let body = json!({
        "orderId": id, "status": OrderStatus::Placed, "projected": false, "_links": order::links(id),
    });
    Response::json(202, &body).with("retry-after", "1")
}

/// An order that is still on its way is worth asking about again.
fn moving(is_open: bool, body: &Value) -> Response {
    again_if(is_open, Response::json(200, body))
}

fn again_if(is_open: bool, response: Response) -> Response {
    if is_open {
        response.with("retry-after", "1")
    } else {
        response
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the order could not be looked up");
    Response::unavailable("the order could not be looked up")
}

#[cfg(test)]
mod tests;
