//! `POST /push-tickets` → the address of the socket, with a ticket in it.
//!
//! Nothing is stored and nothing is asked: the API has checked the caller's token, and the ticket
//! says by itself whose it is and how long it is good. So whoever wants a connection asks here first,
//! each time.

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
        let request = Request::deserialize(payload)?;
        let response = match self.issue(&request) {
            Ok(response) | Err(response) => response,
        };
        serde_json::to_value(response)
    }

    fn issue(&self, request: &Request) -> Result<Response, Response> {
        let caller = request.caller()?;
        let ticket = self.tickets.issue(&caller, self.clock.now());
        let url = format!("{}?ticket={}", self.socket_url, ticket.text);
        let body = json!({ "url": url, "expiresAt": ticket.expires_at });
        Ok(Response::json(201, &body).with("cache-control", "no-store"))
    }
}

#[cfg(test)]
mod tests;
