//! Answers questions about orders over HTTP.

use ports::SystemClock;
use query_order::QueryOrder;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = QueryOrder::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
