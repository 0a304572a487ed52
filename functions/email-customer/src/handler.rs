//! `OrderPlaced`, `OrderShipped`, `OrderFailed`, `OrderCancelled` → an e-mail to the customer.
//!
//! At least once: the channel knows no idempotency key, so an event that is delivered twice is told
//! twice. A message too many does less harm than one too few.

use domain::{Customer, notice_of};
use envelope::{Cause, Envelope};
use event_store::{Decider, Load};
use partners::{Email, NoticeError, SendEmail};
use ports::Clock;
use reaction::{Done, Failure, React};

/// A customer whose registration has not arrived.
#[derive(Debug, thiserror::Error)]
#[error("the customer is not registered (yet)")]
struct NoSuchCustomer;

/// The handler.
#[derive(Clone)]
pub struct EmailCustomer<S, M, C> {
    customers: Decider<Customer, S, C>,
    channel: M,
}

impl<S: Load, M: SendEmail, C: Clock> EmailCustomer<S, M, C> {
    /// A handler over a store and a channel.
    pub fn new(store: S, channel: M, clock: C) -> Self {
        Self {
            customers: Decider::new(store, clock),
            channel,
        }
    }
}

impl<S: Load, M: SendEmail, C: Clock> React for EmailCustomer<S, M, C> {
    const NAME: &'static str = "email-customer";

    async fn react(&self, event: &Envelope, _: &Cause, _: u32) -> Result<Done, Failure> {
        let notice = notice_of(event)?;
        let id = notice.customer_id.as_str();
        let found = self.customers.find(id).await?;
        let profile = found
            .and_then(|customer| customer.state.profile)
            .ok_or_else(|| Failure::transient(NoSuchCustomer))?;
        let email = Email {
            to: profile.email,
            subject: notice.subject,
            body: notice.body,
        };
        match self.channel.send(&email).await {
            Ok(()) => Ok(Done::Handled),
            Err(refused @ NoticeError::Refused(_)) => Err(Failure::terminal(refused)),
            Err(NoticeError::Unavailable(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
