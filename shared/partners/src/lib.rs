//! Outside parties: the payment provider, the carrier, and the channels to a customer.
//!
//! Each is a narrow trait with a contract. The sandbox provider and carrier are real parts of the
//! system, not test doubles: like a payment provider's test cards, they do what the order's own
//! data asks for, so that anyone can try every path of a running stack.

mod carrier;
mod notices;
mod payments;
mod sandbox;

pub use carrier::{Carrier, Pickup, PickupError, SandboxCarrier};
pub use notices::{Email, NoticeError, SendEmail, SendSms, SentNotices, Sms};
pub use payments::{Charge, ChargeError, PaymentProvider, Receipt, Refund, SandboxPayments};
