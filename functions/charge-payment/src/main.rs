//! Takes the customer's money once stock is set aside.

use charge_payment::ChargePayment;
use partners::SandboxPayments;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let provider = SandboxPayments::new(SystemClock);
    let handler = ChargePayment::new(wiring.event_store()?, provider, SystemClock);
    wiring.react(handler).await
}
