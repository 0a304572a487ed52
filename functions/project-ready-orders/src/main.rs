//! Keeps the read model of the list of orders that wait for the carrier.

use ports::SystemClock;
use project_ready_orders::ProjectReadyOrders;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectReadyOrders::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
