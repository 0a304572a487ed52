//! Tells the customer by text message how the order is going.

use adapter_sns::Sns;
use adapter_sns::aws_sdk_sns::Client;
use ports::SystemClock;
use text_customer::TextCustomer;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let channel = Sns::new(Client::new(wiring.aws()));
    let handler = TextCustomer::new(wiring.event_store()?, channel, SystemClock);
    wiring.react(handler).await
}
