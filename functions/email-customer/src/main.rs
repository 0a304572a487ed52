//! Tells the customer by e-mail how the order is going.

use adapter_ses::Ses;
use adapter_ses::aws_sdk_sesv2::Client;
use email_customer::EmailCustomer;
use ports::SystemClock;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let channel = Ses::new(Client::new(wiring.aws()), variable("EMAIL_SENDER")?);
    let handler = EmailCustomer::new(wiring.event_store()?, channel, SystemClock);
    wiring.react(handler).await
}
