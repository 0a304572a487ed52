//! Sets stock aside for an order when it was placed.

use ports::SystemClock;
use reserve_inventory::ReserveInventory;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ReserveInventory::new(wiring.event_store()?, SystemClock);
    wiring.react(handler).await
}
