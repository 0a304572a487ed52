//! `GET /orders/{id}` and `GET /orders/{id}/status`, from the read model.
//!
//! A view that is missing can mean two things, and the answer says which: the order was taken and
//! is not projected yet, or nobody ever placed it. To tell them apart is the one question that is
//! put to the event store, about the stream's existence and nothing in it.

use domain::{Order, OrderStatus, OrderView};
use envelope::Aggregate;
use event_store::{Decider, Load};
use http_api::{Request, Response};
use ports::{Clock, Consistency, LoadView};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::chain;
use tracing::error;

/// The handler.
#[derive(Clone)]
pub struct QueryOrder<S, V, C> {
    orders: Decider<Order, S, C>,
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
        if Order::stream(id).is_err() {
            return serde_json::to_value(no_such_order());
        }
        let key = OrderView::key(id);
        let response = match self
            .views
            .load::<OrderView>(&key, Consistency::Eventual)
            .await
        {
            Ok(Some(viewed)) if request.route_key.ends_with("/status") => status(&viewed.view),
            Ok(Some(viewed)) => whole(&viewed.view),
            Ok(None) => self.missing(id).await,
            Err(error) => unavailable(&error),
        };
        serde_json::to_value(response)
    }

    async fn missing(&self, id: &str) -> Response {
        match self.orders.find(id).await {
            Ok(Some(_)) => {
                let body = json!({
                    "orderId": id, "status": OrderStatus::Placed, "projected": false, "_links": links(id),
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

fn links(id: &str) -> Value {
    let itself = format!("/orders/{id}");
    json!({ "self": { "href": itself }, "status": { "href": format!("{itself}/status") } })
}

/// An order that is still on its way is worth asking about again.
fn answer(view: &OrderView, body: &Value) -> Response {
    let response = Response::json(200, body);
    match view.status() {
        OrderStatus::Shipped | OrderStatus::Failed => response,
        OrderStatus::Placed | OrderStatus::Reserved | OrderStatus::Paid => {
            response.with("retry-after", "1")
        }
    }
}

fn status(view: &OrderView) -> Response {
    let id = view.order_id.as_str();
    let mut body = json!({
        "orderId": id, "status": view.status(), "projected": true,
        "updatedAt": view.milestones.values().max(), "_links": links(id),
    });
    if let Some(reason) = &view.reason {
        body["reason"] = json!(reason);
    }
    answer(view, &body)
}

fn whole(view: &OrderView) -> Response {
    let mut history: Vec<_> = view.milestones.iter().collect();
    history.sort_by_key(|(_, at)| **at);
    let history = history
        .into_iter()
        .map(|(event, at)| json!({ "event": event, "at": at }));
    let mut body = json!({
        "orderId": view.order_id, "status": view.status(), "projected": true,
        "items": view.items, "history": history.collect::<Vec<_>>(),
        "versions": view.versions, "_links": links(view.order_id.as_str()),
    });
    let optional = [
        ("customerId", json!(view.customer_id)),
        ("total", json!(view.total)),
        ("reason", json!(view.reason)),
        ("trackingNumber", json!(view.tracking_number)),
    ];
    for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        body[name] = value;
    }
    answer(view, &body)
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the order could not be looked up");
    Response::problem(503, "Try again", "the read model did not answer").with("retry-after", "1")
}

#[cfg(test)]
mod tests;
