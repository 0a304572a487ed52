//! Has the carrier bring back the parcel of a cancelled order, or sees to it that none is sent.

use partners::SandboxCarrier;
use ports::SystemClock;
use recall_shipment::RecallShipment;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let carrier = SandboxCarrier::new(SystemClock);
    let handler = RecallShipment::new(wiring.event_store()?, carrier, SystemClock);
    wiring.react(handler).await
}
