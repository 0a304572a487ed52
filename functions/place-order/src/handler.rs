//! `POST /orders` → `OrderPlaced`, and `202 Accepted`: the order is taken, not yet carried out.
//!
//! The answer waits for one conditional write and for nothing behind it. However slow payment or
//! e-mail may be today, taking orders is not.

use domain::events::OrderPlaced;
use domain::{Aggregate, Customer, CustomerId, Order, customer, order};
use envelope::CommandId;
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Caller, Request, Response, Sent, data_of};
use ports::{Clock, Ids};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use telemetry::chain;
use tracing::{error, info};
use uuid::Uuid;

const REFUSED: &str = "Order refused";

/// The handler.
#[derive(Clone)]
pub struct PlaceOrder<S, C, I> {
    customers: Decider<Customer, S, C>,
    orders: Decider<Order, S, C>,
    ids: I,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> PlaceOrder<S, C, I> {
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
        let caller = request.caller()?;
        let mut body: Map<String, Value> = request.json()?;
        // The same order, sent again under its own id, is the same command. An order that is not given
        // an id gets one that the command's key determines, if it has a key.
        let content = body
            .contains_key("orderId")
            .then(|| Value::from(body.clone()));
        let sent = request.sent(&caller, || {
            let content = content.map(|content| content.to_string());
            let id = content.map(|content| Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes()));
            CommandId::from_uuid(id.unwrap_or_else(|| self.ids.next()))
        })?;
        let order_id = sent.cause.commit_id().as_str();
        body.entry("orderId").or_insert_with(|| order_id.into());
        let customer_id = customer_of(&mut body, &caller)?;
        let customer = self.customer(&customer_id).await?;
        if let Some(address) = &customer.address {
            let address = serde_json::to_value(address).map_err(|error| malformed(&error))?;
            body.entry("shippingAddress").or_insert(address);
        }
        let placed = read(body)?;
        self.may_order(&customer, &placed).await?;
        self.take(&sent, placed).await
    }

    async fn customer(&self, id: &CustomerId) -> Result<customer::State, Response> {
        if Customer::stream(id.as_str()).is_err() {
            return Ok(customer::State::default());
        }
        let found = self.customers.find(id.as_str()).await;
        let found = found.map_err(|error| unavailable(&error))?;
        Ok(found.unwrap_or_default().state)
    }

    /// An order that was taken stays taken, whatever became of the customer since.
    async fn may_order(
        &self,
        customer: &customer::State,
        placed: &OrderPlaced,
    ) -> Result<(), Response> {
        let Err(why) = customer.may_order() else {
            return Ok(());
        };
        let taken = self.orders.find(placed.order_id.as_str()).await;
        if taken.map_err(|error| unavailable(&error))?.is_some() {
            return Ok(());
        }
        let mut broken = vec![Broken::at("/customerId".to_owned(), why.to_string())];
        // So that one answer has all that is wrong.
        let placing = order::Command::Place(placed.clone());
        if let Err(order::Rejection::Broken(rules)) = Order::decide(&order::State::Absent, &placing)
        {
            broken.extend(rules.iter().map(Broken::rule));
        }
        Err(refused(broken))
    }

    async fn take(&self, sent: &Sent, placed: OrderPlaced) -> Result<Response, Response> {
        let id = placed.order_id.as_str().to_owned();
        let placing = order::Command::Place(placed);
        let refuse = |rejection: &order::Rejection| match rejection {
            order::Rejection::AlreadyPlaced => {
                Response::problem(409, "Order exists", &rejection.to_string())
            }
            order::Rejection::Broken(rules) => refused(rules.iter().map(Broken::rule)),
            other => refused([Broken::rule(other)]),
        };
        let version = sent.carry_out(&self.orders, &id, &placing, refuse).await?;
        let correlation_id = sent.cause.metadata().correlation_id;
        info!(order.id = %id, correlation.id = %correlation_id, "order taken");
        Ok(Response::order_accepted::<Order>(&id, "PLACED", version))
    }
}

/// Who is to get the order: customers order for themselves, and need not say so.
fn customer_of(body: &mut Map<String, Value>, caller: &Caller) -> Result<CustomerId, Response> {
    if let Caller::Customer(subject) = caller {
        let said = body
            .entry("customerId")
            .or_insert_with(|| subject.as_str().into());
        caller.acts_for(said.as_str().unwrap_or_default())?;
    }
    let said = body.get("customerId").and_then(Value::as_str);
    Ok(CustomerId::new(said.unwrap_or_default()))
}

/// The event that the request asks for, if it has the shape of one. A total need not be said.
fn read(mut body: Map<String, Value>) -> Result<OrderPlaced, Response> {
    let said = body.contains_key("total");
    body.entry("total")
        .or_insert_with(|| json!({ "amount": 0, "currency": "XXX" }));
    let mut placed: OrderPlaced = data_of(REFUSED, &Value::from(body))?;
    if !said {
        let total = order::total_of(&placed.items);
        placed.total =
            total.ok_or_else(|| refused([Broken::rule(&"the items have no common total")]))?;
    }
    Ok(placed)
}

fn refused(broken: impl IntoIterator<Item = Broken>) -> Response {
    Response::refused(REFUSED, broken)
}

fn malformed(error: &dyn std::error::Error) -> Response {
    Response::problem(400, "Malformed body", &error.to_string())
}

/// Nothing was stored yet.
fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the order could not be taken");
    Response::unavailable("the order was not taken; send it again")
}

#[cfg(test)]
mod tests;
