//! Conducts the orders that are carried by a saga.

use conduct_order::ConductOrder;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ConductOrder::new(wiring.event_store()?, wiring.timers()?, SystemClock);
    wiring.react(handler).await
}
