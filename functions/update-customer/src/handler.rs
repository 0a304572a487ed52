//! `POST /customers` → `UserRegistered`, and `PUT /customers/{id}/address` → `UserAddressChanged`.
//!
//! Customers do both for themselves, operators for everyone.

use domain::events::{UserAddressChanged, UserRegistered};
use domain::{Aggregate, Customer, customer};
use envelope::CommandId;
use event_store::{AppendAll, Decider, Load};
use http_api::{Broken, Caller, Request, Response, Sent, Token, data_of, natural_id};
use ports::{Clock, Ids};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The handler.
#[derive(Clone)]
pub struct UpdateCustomer<S, C, I> {
    customers: Decider<Customer, S, C>,
    ids: I,
}

impl<S: Load + AppendAll, C: Clock, I: Ids> UpdateCustomer<S, C, I> {
    /// A handler over a store.
    #[must_use]
    pub fn new(store: S, clock: C, ids: I) -> Self {
        Self {
            customers: Decider::new(store, clock),
            ids,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub async fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let request = Request::deserialize(payload)?;
        let answered = match request.route_key.as_str() {
            "POST /customers" => self.register(&request).await,
            "PUT /customers/{id}/address" => self.change_address(&request).await,
            _ => Err(Response::not_found()),
        };
        serde_json::to_value(answered.unwrap_or_else(|early| early))
    }

    async fn register(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        let mut body: Map<String, Value> = request.json()?;
        caller.fill_in(&mut body, "customerId")?;
        if matches!(caller, Caller::Customer(_)) {
            // Who is blocked must not be able to unblock himself.
            body.remove("active");
        }
        let natural = || natural_id(&body, "customerId", &self.ids);
        let sent = request.sent(&caller, &[caller.subject()], natural)?;
        let new_id = sent.cause.commit_id().as_str();
        body.entry("customerId").or_insert_with(|| new_id.into());
        let registered: UserRegistered = data_of(&Value::from(body)).map_err(refused)?;
        let id = registered.customer_id.as_str().to_owned();
        let version = self.carry_out(&sent, &id, customer::Command::Register(registered));
        let answer = stored(201, &id, version.await?);
        Ok(answer.with("location", format!("/customers/{id}/orders")))
    }

    async fn change_address(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        let id = request.path_parameter("id");
        caller.acts_for(id)?;
        if Customer::stream(id).is_err() {
            return Err(Response::not_found());
        }
        let address: Value = request.json()?;
        let sent = request.sent(&caller, &[caller.subject()], || {
            CommandId::from_uuid(self.ids.next())
        })?;
        let sent = sent.on_version(request)?;
        let data = json!({ "customerId": id, "address": address });
        let changed: UserAddressChanged = data_of(&data).map_err(refused)?;
        let change = customer::Command::ChangeAddress(changed);
        let version = self.carry_out(&sent, id, change).await?;
        Ok(stored(200, id, version))
    }

    async fn carry_out(
        &self,
        sent: &Sent,
        id: &str,
        command: customer::Command,
    ) -> Result<u64, Response> {
        let refuse = |rejection: &customer::Rejection| match rejection {
            customer::Rejection::AlreadyRegistered => {
                Response::problem(409, "Customer exists", &rejection.to_string())
            }
            customer::Rejection::Unknown => Response::not_found(),
        };
        let version = sent
            .carry_out(&self.customers, id, &command, refuse)
            .await?;
        Ok(version.get())
    }
}

fn refused(broken: Vec<Broken>) -> Response {
    Response::refused("Customer refused", broken)
}

fn stored(status_code: u16, id: &str, version: u64) -> Response {
    let body = json!({
        "customerId": id,
        "version": version,
        "token": Token::of::<Customer>(id, version).to_string(),
        "_links": { "orders": { "href": format!("/customers/{id}/orders") } },
    });
    Response::json(status_code, &body).with("etag", format!("\"{version}\""))
}

#[cfg(test)]
mod tests;
