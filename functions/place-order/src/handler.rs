//! `POST /orders` → `OrderPlaced`, and `202 Accepted`: the order is taken, not yet carried out.
//!
//! The answer waits for one conditional write and for nothing behind it. However slow payment or
//! e-mail may be today, taking orders is not.

use domain::events::{Address, OrderLine, OrderPlaced, PaymentTerms, Workflow};
use domain::{Customer, CustomerId, Money, Order, OrderId, order};
use envelope::{Cause, CommandId, EventData, UnreadableEvent};
use event_store::{Append, AppendError, Decider, ExecuteError, Load};
use http_api::{Request, Response};
use ports::{Clock, Ids};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use telemetry::chain;
use tracing::{error, info};
use uuid::Uuid;

/// The handler.
#[derive(Clone)]
pub struct PlaceOrder<S, C, I> {
    customers: Decider<Customer, S, C>,
    orders: Decider<Order, S, C>,
    ids: I,
}

/// What a client sends. Everything is looked at by the schema of `OrderPlaced`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    order_id: Option<OrderId>,
    customer_id: CustomerId,
    items: Vec<OrderLine>,
    total: Option<Money>,
    shipping_address: Address,
    payment: PaymentTerms,
    workflow: Option<Workflow>,
}

impl<S: Load + Append, C: Clock, I: Ids> PlaceOrder<S, C, I> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I) -> Self {
        Self {
            customers: Decider::new(store.clone(), clock.clone()),
            orders: Decider::new(store, clock),
            ids,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let response = match self.place(&request).await {
            Ok(response) | Err(response) => response,
        };
        serde_json::to_value(response)
    }

    /// Every early end is an answer, too.
    async fn place(&self, request: &Request) -> Result<Response, Response> {
        let placed = self.read(request.json()?)?;
        let id = placed.order_id.clone();
        let customer = self.customers.find(placed.customer_id.as_str()).await;
        let customer = customer.map_err(|error| unavailable(&error, &id))?;
        if let Err(why) = customer.unwrap_or_default().state.may_order() {
            // An order that was taken stays taken, whatever became of the customer since.
            let taken = self.orders.find(id.as_str()).await;
            if taken.map_err(|error| unavailable(&error, &id))?.is_none() {
                return Err(refused(&why.to_string()));
            }
        }

        let cause = Cause::command(&command_id(&placed));
        let placing = order::Command::Place(placed);
        match self.orders.execute(id.as_str(), &cause, &placing).await {
            Ok(executed) => {
                let correlation_id = cause.metadata().correlation_id;
                info!(order.id = %id, correlation.id = %correlation_id, "order taken");
                Ok(accepted(&id, executed.version.get()))
            }
            Err(ExecuteError::Rejected(taken @ order::Rejection::AlreadyPlaced)) => {
                Err(Response::problem(409, "Order exists", &taken.to_string()))
            }
            Err(ExecuteError::Rejected(rejection)) => Err(refused(&rejection.to_string())),
            Err(ExecuteError::Append(large @ AppendError::TooLarge { .. })) => {
                Err(refused(&large.to_string()))
            }
            Err(other) => Err(unavailable(&other, &id)),
        }
    }

    /// The event that the request asks for, if it has the shape of one.
    fn read(&self, body: Body) -> Result<OrderPlaced, Response> {
        let total = body.total.clone().or_else(|| order::total_of(&body.items));
        let order_id = body.order_id.clone();
        let placed = OrderPlaced {
            order_id: order_id.unwrap_or_else(|| OrderId::new(self.ids.next().to_string())),
            customer_id: body.customer_id,
            total: total.ok_or_else(|| refused("the items have no common total"))?,
            items: body.items,
            shipping_address: body.shipping_address,
            payment: body.payment,
            workflow: body.workflow,
        };
        let data = serde_json::to_value(&placed).map_err(|error| refused(&error.to_string()))?;
        schemas::validate(OrderPlaced::TYPE, OrderPlaced::SCHEMA_VERSION, &data)
            .map_err(|invalid| refused(&invalid.to_string()))?;
        UnreadableEvent::read(OrderPlaced::SCHEMA_VERSION, &data)
            .map_err(|error| refused(&error.to_string()))
    }
}

/// The same order, sent again under the same id, is the same command: it is answered again and not
/// placed again. Another order under that id is another command, and finds the id taken.
fn command_id(placed: &OrderPlaced) -> CommandId {
    let content = serde_json::to_vec(placed).expect("an order is JSON");
    CommandId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, &content))
}

fn accepted(order_id: &OrderId, version: u64) -> Response {
    let itself = format!("/orders/{order_id}");
    let body = json!({
        "orderId": order_id,
        "status": "PLACED",
        "version": version,
        "_links": {
            "self": { "href": itself },
            "status": { "href": format!("{itself}/status") },
        },
    });
    Response::json(202, &body)
        .with("location", itself)
        .with("retry-after", "1")
}

fn refused(detail: &str) -> Response {
    Response::problem(422, "Order refused", detail)
}

/// Whether the order is stored is unknown, and sending the same order again finds out.
fn unavailable(error: &(dyn std::error::Error + 'static), order_id: &OrderId) -> Response {
    error!(order.id = %order_id, error = chain(error), "the order could not be taken");
    let detail = format!(
        "whether the order was taken is unknown; send it again with \"orderId\": \"{order_id}\", \
         which never places it twice"
    );
    Response::problem(503, "Try again", &detail).with("retry-after", "1")
}

#[cfg(test)]
mod tests;
