//! Frees the stock of an order that failed after it was reserved.

use ports::SystemClock;
use release_inventory::ReleaseInventory;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ReleaseInventory::new(wiring.event_store()?, SystemClock);
    wiring.react(handler).await
}
