//! `POST /orders/{id}/cancellation` → `OrderCancelled`, and `202 Accepted`: no longer to be carried out.
//!
//! The order alone decides, and is asked until everything is on its way. The services undo what they did
//! when they hear of it; the order's workflow shows how far they are.

use domain::{Aggregate, Order, order};
use envelope::CommandId;
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Request, Response};
use ports::{Clock, Ids};
use serde::Deserialize;
use serde_json::Value;
use telemetry::chain;
use tracing::error;

/// The handler.
#[derive(Clone)]
pub struct CancelOrder<S, C, I> {
    orders: Decider<Order, S, C>,
    ids: I,
}

/// What a client sends.
#[derive(Debug, Deserialize)]
struct Body {
    reason: Option<String>,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> CancelOrder<S, C, I> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I) -> Self {
        Self {
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
        let answered = self.cancel(&request).await;
        serde_json::to_value(answered.unwrap_or_else(|early| early))
    }

    async fn cancel(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        let id = request.path_parameter("id");
        Order::stream(id).map_err(|_| Response::not_found())?;
        let found = self.orders.find(id).await.map_err(|error| {
            error!(order.id = %id, error = chain(&error), "the order could not be looked up");
            Response::unavailable("the order was not cancelled; try again")
        })?;
        let owner = found.and_then(|found| found.state.customer_id().cloned());
        if !owner.is_some_and(|owner| caller.may_see(owner.as_str())) {
            return Err(Response::not_found());
        }
        let Body { reason } = request.json()?;
        let sent = request.sent(&caller, &[caller.subject()], || {
            CommandId::from_uuid(self.ids.next())
        })?;
        let sent = sent.on_version(request)?;
        let cancel = order::Command::Cancel { reason };
        let refuse = |rejection: &order::Rejection| match rejection {
            order::Rejection::TooLate | order::Rejection::Ended => {
                Response::problem(409, "Too late", &rejection.to_string())
            }
            other => Response::refused("Cancellation refused", [Broken::rule(other)]),
        };
        let version = sent.carry_out(&self.orders, id, &cancel, refuse).await?;
        Ok(Response::order_accepted::<Order>(id, "CANCELLED", version))
    }
}

#[cfg(test)]
mod tests;
