//! `POST /stock/{id}/deliveries` → `StockReplenished`: goods came in.
//!
//! Adding has no natural idempotency, so each delivery needs an `Idempotency-Key`: the number of the
//! delivery note, for example. Of one product a note counts once, whoever books it.

use domain::events::StockReplenished;
use domain::{StockItem, stock_item};
use envelope::CommandId;
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Request, Response, Token, data_of};
use ports::{Clock, Ids};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The handler.
#[derive(Clone)]
pub struct RestockProduct<S, C, I> {
    stock: Decider<StockItem, S, C>,
    ids: I,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> RestockProduct<S, C, I> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I) -> Self {
        Self {
            stock: Decider::new(store, clock),
            ids,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let answered = self.restock(&request).await;
        serde_json::to_value(answered.unwrap_or_else(|early| early))
    }

    async fn restock(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        caller.operates()?;
        let id = request.path_parameter("id");
        let mut data: Map<String, Value> = request.json()?;
        let sent = request.sent(&caller, &["delivery", id], || {
            CommandId::from_uuid(self.ids.next())
        })?;
        if !sent.has_key() {
            let detail = "a delivery needs an `Idempotency-Key`, such as the number of its note, so that it \
                          counts once";
            return Err(Response::problem(400, "Key missing", detail));
        }
        data.insert("productId".to_owned(), id.into());
        let replenished: StockReplenished = data_of(&Value::from(data)).map_err(refused)?;
        let replenish = stock_item::Command::Replenish(replenished);
        let refuse = |rejection: &stock_item::Rejection| refused(vec![Broken::rule(rejection)]);
        let version = sent.carry_out(&self.stock, id, &replenish, refuse).await?;
        let itself = format!("/stock/{id}");
        let body = json!({
            "productId": id,
            "version": version,
            "token": Token::of::<StockItem>(id, version.get()).to_string(),
            "_links": { "self": { "href": itself } },
        });
        Ok(Response::json(202, &body).with("location", itself))
    }
}

fn refused(broken: Vec<Broken>) -> Response {
    Response::refused("Delivery refused", broken)
}

#[cfg(test)]
mod tests;
