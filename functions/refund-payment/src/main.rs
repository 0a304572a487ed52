//! Gives the customer's money back when the parcel cannot be sent.

use partners::SandboxPayments;
use ports::SystemClock;
use refund_payment::RefundPayment;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let provider = SandboxPayments::new(SystemClock);
    let handler = RefundPayment::new(wiring.event_store()?, provider, SystemClock);
    wiring.react(handler).await
}
