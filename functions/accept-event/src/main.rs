//! Takes other systems' events in.

use accept_event::AcceptEvent;
use ports::SystemClock;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let usual = variable("DEFAULT_WORKFLOW")?.parse()?;
    let handler = AcceptEvent::new(wiring.event_store()?, SystemClock, usual);
    wiring.consume(handler).await
}
