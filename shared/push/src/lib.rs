//! What is said over the socket: tickets to get in, frames from clients, messages to them.
//!
//! A push is a hint, and the view is the truth. A message carries a revision that only grows, so a
//! client drops what is not newer than what it has, and whatever comes late, twice or out of order
//! does no harm; what never comes is made up for when the client connects again and says what it
//! has seen.

mod frame;
mod message;
mod ticket;
mod topic;

pub use frame::{Action, Frame, Malformed, Seen};
pub use message::{FRAME_BYTES_MAX, error, order, subscribed, unsubscribed};
pub use ticket::{Admitted, BadTicket, LIFETIME, Ticket, Tickets};
pub use topic::{Topic, caller_in, text_of};
