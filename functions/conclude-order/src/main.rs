//! Records in the order's own stream how it ended.

use conclude_order::ConcludeOrder;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ConcludeOrder::new(wiring.event_store()?, SystemClock);
    wiring.react(handler).await
}
