//! Hands a paid order to the carrier.

use partners::SandboxCarrier;
use ports::SystemClock;
use ship_order::ShipOrder;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let carrier = SandboxCarrier::new(SystemClock);
    let handler = ShipOrder::new(wiring.event_store()?, carrier, SystemClock);
    wiring.react(handler).await
}
