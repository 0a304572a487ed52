//! Keeps the read model of one order.

use ports::SystemClock;
use project_order::ProjectOrder;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectOrder::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
