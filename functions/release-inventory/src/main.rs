//! Frees the stock of an order that failed after it was reserved.

mod handler;

use handler::ReleaseInventory;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ReleaseInventory::new(wiring.event_store()?, SystemClock);
    wiring.react(handler).await
}
