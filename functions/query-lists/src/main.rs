//! Answers questions about many orders, stock and sales.

use ports::SystemClock;
use query_lists::QueryLists;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = QueryLists::new(wiring.views()?, SystemClock);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
