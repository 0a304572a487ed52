//! `POST /push-tickets` → the address of the socket, with a ticket in it.
//!
//! Nothing is stored and nothing is asked: the API has checked the caller's token, and the ticket
//! says by itself whose it is and how long it is good. So whoever wants a connection asks here first,
//! each time. It also says when the token expires, which ends what it has opened.

use std::time::Duration;

use envelope::Timestamp;
use http_api::{Request, Response};
use ports::Clock;
use push::Tickets;
use serde::Deserialize;
use serde_json::{Value, json};

/// The handler.
#[derive(Clone)]
pub struct IssueTicket<C> {
    tickets: Tickets,
    socket_url: String,
    clock: C,
}

impl<C: Clock> IssueTicket<C> {
    /// A handler that issues tickets for the socket at this address.
    pub fn new(tickets: Tickets, socket_url: impl Into<String>, clock: C) -> Self {
        Self {
            tickets,
            socket_url: socket_url.into(),
            clock,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Only when the request or the answer is not JSON.
    pub fn handle(&self, payload: Value) -> Result<Value, serde_json::Error> {
        let until = expiry(&payload);
        let request = Request::deserialize(payload)?;
        let response = match self.issue(&request, until) {
            Ok(response) | Err(response) => response,
        };
        serde_json::to_value(response)
    }

    fn issue(&self, request: &Request, until: Option<Timestamp>) -> Result<Response, Response> {
        let caller = request.caller()?;
        let ticket = self.tickets.issue(&caller, until, self.clock.now());
        let url = format!("{}?ticket={}", self.socket_url, ticket.text);
        let body = json!({ "url": url, "expiresAt": ticket.expires_at });
        Ok(Response::json(201, &body).with("cache-control", "no-store"))
    }
}

/// The claim `exp` of the caller's token, in seconds since the epoch. Gateways pass numbers on as they
/// are or as texts, some of them as 1.8E9.
fn expiry(payload: &Value) -> Option<Timestamp> {
    let claim = payload.pointer("/requestContext/authorizer/jwt/claims/exp")?;
    let seconds = match claim.as_str() {
        Some(text) => text.parse().ok()?,
        None => claim.as_f64()?,
    };
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Timestamp::from_millis(
        i64::try_from(since.as_millis()).ok()?,
    ))
}

#[cfg(test)]
mod tests;
