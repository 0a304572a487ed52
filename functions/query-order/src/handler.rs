//! `GET /orders/{id}`, `GET /orders/{id}/status` and `GET /orders/{id}/workflow`, from the read models.
//!
//! A view that is missing can mean two things, and the answer says which: the order was taken and
//! is not projected yet, or nobody ever placed it. To tell them apart is the one question that is
//! put to the event store, about the stream's existence and nothing in it.

use domain::Aggregate;
use event_store::{Decider, Load};
use http_api::{Request, Response};
use ports::{Clock, Consistency, LoadView, Unavailable};
use projection_kit::{Projection, Row, load_row};
use projections::{Order, OrderStatus, Workflow, order, workflow};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::chain;
use tracing::error;

/// The handler.
#[derive(Clone)]
pub struct QueryOrder<S, V, C> {
    orders: Decider<domain::Order, S, C>,
    views: V,
}

impl<S: Load, V: LoadView, C: Clock> QueryOrder<S, V, C> {
    /// A handler over the views.
    pub fn new(store: S, views: V, clock: C) -> Self {
        Self {
            orders: Decider::new(store, clock),
            views,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let id = request.path_parameter("id");
        if domain::Order::stream(id).is_err() {
            return serde_json::to_value(no_such_order());
        }
        let answered = match request.route_key.rsplit('/').next() {
            Some("status") => self.answer::<Order>(id, status).await,
            Some("workflow") => self.answer::<Workflow>(id, steps).await,
            _ => self.answer::<Order>(id, whole).await,
        };
        let response = answered.unwrap_or_else(|error| unavailable(&error));
        serde_json::to_value(response.unless_known(&request))
    }

    async fn answer<P: Projection>(
        &self,
        id: &str,
        answer: impl Fn(&Row<P::View>) -> Response,
    ) -> Result<Response, Unavailable> {
        let found = load_row::<P, V>(&self.views, id, Consistency::Eventual).await?;
        Ok(match found {
            Some(row) => answer(&row),
            None => self.missing(id).await,
        })
    }

    async fn missing(&self, id: &str) -> Response {
        match self.orders.find(id).await {
            Ok(Some(_)) => {
                let body = json!({
                    "orderId": id, "status": OrderStatus::Placed, "projected": false, "_links": order::links(id),
                });
                Response::json(200, &body).with("retry-after", "1")
            }
            Ok(None) => no_such_order(),
            Err(error) => unavailable(&error),
        }
    }
}

fn no_such_order() -> Response {
    Response::problem(404, "No such order", "no order with this id was ever taken")
}

/// An order that is still on its way is worth asking about again.
fn moving(is_open: bool, body: &Value) -> Response {
    let response = Response::json(200, body);
    if is_open {
        response.with("retry-after", "1")
    } else {
        response
    }
}

fn status(row: &Row<order::View>) -> Response {
    let view = &row.view;
    let mut body = json!({
        "orderId": view.order_id, "status": view.story.status(), "projected": true,
        "updatedAt": view.story.last(), "_links": order::links(&view.order_id),
    });
    if let Some(reason) = &view.reason {
        body["reason"] = json!(reason);
    }
    moving(!view.story.status().is_final(), &body)
}

fn whole(row: &Row<order::View>) -> Response {
    moving(!row.view.story.status().is_final(), &order::whole(row))
}

fn steps(row: &Row<workflow::View>) -> Response {
    let view = &row.view;
    let body = json!({
        "orderId": view.order_id, "status": view.story.status(), "projected": true,
        "steps": view.steps(), "updatedAt": view.story.last(), "_links": order::links(&view.order_id),
    });
    moving(view.is_open(), &body)
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the order could not be looked up");
    Response::problem(503, "Try again", "the read model did not answer").with("retry-after", "1")
}

#[cfg(test)]
mod tests;
