//! Answers questions about orders over HTTP.

mod handler;

use handler::QueryOrder;
use ports::SystemClock;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = QueryOrder::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.serve(async |payload, _| handler.handle(payload).await).await
}
