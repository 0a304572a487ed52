//! Keeps the read model of the stock levels.

use ports::SystemClock;
use project_stock::ProjectStock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectStock::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
