//! Keeps the read model of the workflows of orders.

use ports::SystemClock;
use project_workflow::ProjectWorkflow;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectWorkflow::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
