//! `POST /orders` → `OrderPlaced`, and `202 Accepted`: the order is taken, not yet carried out.
//!
//! The answer waits for one conditional write and for nothing behind it. However slow payment or
//! e-mail may be today, taking orders is not.

use domain::events::{OrderPlaced, Workflow};
use domain::{Aggregate, Customer, CustomerId, Order, customer, order};
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Caller, Request, Response, Sent, data_of, natural_id};
use ports::{Clock, Consistency, Ids};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use telemetry::chain;
use tracing::{error, info};

/// The handler.
#[derive(Clone)]
pub struct PlaceOrder<S, C, I> {
    customers: Decider<Customer, S, C>,
    orders: Decider<Order, S, C>,
    ids: I,
    usual: Workflow,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> PlaceOrder<S, C, I> {
    /// A handler over a store, and the style of orders that do not name one.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I, usual: Workflow) -> Self {
        Self {
            customers: Decider::new(store.clone(), clock.clone()),
            orders: Decider::new(store, clock),
            ids,
            usual,
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
        let customer_id = customer_of(&mut body, &caller)?;
        // The same order, sent again under its own id, is the same command. An order that is not given
        // an id gets one that the command's key determines, if it has a key.
        let natural = || natural_id(&body, "orderId", &self.ids);
        let sent = request.sent(&caller, &[caller.subject()], natural)?;
        let order_id = sent.cause.commit_id().as_str();
        body.entry("orderId").or_insert_with(|| order_id.into());
        let says_where = body.contains_key("shippingAddress");
        let customer = self.customer(&customer_id, says_where).await?;
        if let Some(address) = customer.address.as_ref().filter(|_| !says_where) {
            let address = serde_json::to_value(address).unwrap_or_default();
            body.insert("shippingAddress".to_owned(), address);
        }
        let unwelcome = customer.may_order().err();
        let unwelcome = unwelcome.map(|why| Broken::at("/customerId".to_owned(), why.to_string()));
        match (read(body), unwelcome) {
            (Ok(placed), None) => self.take(&sent, placed).await,
            // An order that was taken stays taken, whatever became of the customer since.
            (Ok(placed), Some(_)) if self.was_taken(&placed).await? => {
                self.take(&sent, placed).await
            }
            (Ok(placed), Some(unwelcome)) => {
                Err(refused([unwelcome].into_iter().chain(broken_by(placed))))
            }
            (Err(broken), unwelcome) => Err(refused(unwelcome.into_iter().chain(broken))),
        }
    }

    /// The customer: the newest state, if the order goes to where that says. Whoever may order has been
    /// able to since registering, so that an earlier one will do otherwise.
    async fn customer(
        &self,
        id: &CustomerId,
        says_where: bool,
    ) -> Result<customer::State, Response> {
        if Customer::stream(id.as_str()).is_err() {
            return Ok(customer::State::default());
        }
        if says_where {
            let found = self.customers.find(id.as_str()).await;
            let found = found.map_err(|error| unavailable(&error))?;
            return Ok(found.unwrap_or_default().state);
        }
        let newest = self.customers.load(id.as_str(), Consistency::Strong).await;
        Ok(newest.map_err(|error| unavailable(&error))?.state)
    }

    async fn was_taken(&self, placed: &OrderPlaced) -> Result<bool, Response> {
        let taken = self.orders.find(placed.order_id.as_str()).await;
        Ok(taken.map_err(|error| unavailable(&error))?.is_some())
    }

    async fn take(&self, sent: &Sent, placed: OrderPlaced) -> Result<Response, Response> {
        let id = placed.order_id.as_str().to_owned();
        let placing = order::Command::Place(placed.in_style(self.usual));
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

/// The rules that every order obeys and this one breaks.
fn broken_by(placed: OrderPlaced) -> Vec<Broken> {
    match Order::decide(&order::State::Absent, &order::Command::Place(placed)) {
        Err(order::Rejection::Broken(rules)) => rules.iter().map(Broken::rule).collect(),
        _ => Vec::new(),
    }
}

/// Who is to get the order: customers order for themselves, and need not say so. What an order is called is
/// said by operators and other systems alone: a customer could take somebody else's id, or ask by it
/// whether there is such an order.
fn customer_of(body: &mut Map<String, Value>, caller: &Caller) -> Result<CustomerId, Response> {
    caller.fill_in(body, "customerId")?;
    if matches!(caller, Caller::Customer(_)) && body.contains_key("orderId") {
        let detail =
            "orders get their ids here; send an `Idempotency-Key` to be able to send one again";
        return Err(refused([Broken::at(
            "/orderId".to_owned(),
            detail.to_owned(),
        )]));
    }
    let said = body.get("customerId").and_then(Value::as_str);
    Ok(CustomerId::new(said.unwrap_or_default()))
}

/// The event that the request asks for, if it has the shape of one. A total need not be said.
fn read(mut body: Map<String, Value>) -> Result<OrderPlaced, Vec<Broken>> {
    let said = body.contains_key("total");
    // No order has this total, so that items without a common one are found to break that rule.
    body.entry("total")
        .or_insert_with(|| json!({ "amount": 0, "currency": "XXX" }));
    let mut placed: OrderPlaced = data_of(&Value::from(body.clone()))?;
    let reckoned = order::total_of(&placed.items).filter(|_| !said);
    if let Some(total) = reckoned {
        // It may be more than an amount can be.
        body.insert(
            "total".to_owned(),
            serde_json::to_value(&total).unwrap_or_default(),
        );
        placed = data_of(&Value::from(body))?;
    }
    Ok(placed)
}

fn refused(broken: impl IntoIterator<Item = Broken>) -> Response {
    Response::refused("Order refused", broken)
}

/// Nothing was stored by this request.
fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = chain(error), "the order could not be taken");
    Response::unavailable("the order was not taken by this request; send it again")
}

#[cfg(test)]
mod tests;
