//! Cancels orders that nobody pays.

use std::time::Duration;

use expire_order::ExpireOrder;
use ports::SystemClock;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let unpaid = Duration::from_secs(variable("UNPAID_SECONDS")?.parse()?);
    let (store, timers) = (wiring.event_store()?, wiring.timers()?);
    let handler = ExpireOrder::new(store, timers, SystemClock, unpaid);
    wiring.react(handler).await
}
