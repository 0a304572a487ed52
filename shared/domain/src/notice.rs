//! What a customer is told, and about what.

use envelope::{Envelope, UnreadableEvent, event_set};

use crate::CustomerId;
use crate::events::{OrderCancelled, OrderFailed, OrderPlaced, OrderShipped};

event_set! {
    /// What customers are told about.
    pub enum Notable { OrderPlaced, OrderShipped, OrderFailed, OrderCancelled }
}

/// A message to a customer, for any channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whom to tell.
    pub customer_id: CustomerId,
    /// In a few words.
    pub subject: String,
    /// In full.
    pub body: String,
}

/// The message about an event.
///
/// # Errors
/// [`UnreadableEvent`] for an event that nobody is told about, or that cannot be read.
pub fn notice_of(event: &Envelope) -> Result<Notice, UnreadableEvent> {
    Ok(match event.decode::<Notable>()? {
        Notable::OrderPlaced(placed) => Notice {
            subject: format!("We have your order {}", placed.order_id),
            body: format!(
                "Thank you! Your order {} with {} line(s) is being prepared.",
                placed.order_id,
                placed.items.len()
            ),
            customer_id: placed.customer_id,
        },
        Notable::OrderShipped(shipped) => Notice {
            subject: format!("Your order {} is on its way", shipped.order_id),
            body: format!(
                "Your order {} was handed to the carrier. Tracking number: {}.",
                shipped.order_id, shipped.tracking_number
            ),
            customer_id: shipped.customer_id,
        },
        Notable::OrderFailed(failed) => Notice {
            subject: format!("We could not complete your order {}", failed.order_id),
            body: format!(
                "Your order {} could not be completed. Whatever you paid for it is returned to you.",
                failed.order_id
            ),
            customer_id: failed.customer_id,
        },
        Notable::OrderCancelled(cancelled) => Notice {
            subject: format!("Your order {} is cancelled", cancelled.order_id),
            body: format!(
                "Your order {} was cancelled. Whatever you paid for it is returned to you, and if a parcel is on \
                 its way, the carrier takes it back.",
                cancelled.order_id
            ),
            customer_id: cancelled.customer_id,
        },
    })
}
