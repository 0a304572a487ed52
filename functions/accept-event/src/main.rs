//! Takes other systems' events in.

use accept_event::AcceptEvent;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = AcceptEvent::new(wiring.event_store()?, SystemClock);
    wiring.consume(handler).await
}
