//! Lets operators step in when a workflow is stuck.

use ports::{RandomIds, SystemClock};
use steer_workflow::SteerWorkflow;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = SteerWorkflow::new(wiring.event_store()?, SystemClock, RandomIds);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
