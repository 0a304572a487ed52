//! Cancels orders over HTTP.

use cancel_order::CancelOrder;
use ports::{RandomIds, SystemClock};
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = CancelOrder::new(wiring.event_store()?, SystemClock, RandomIds);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
