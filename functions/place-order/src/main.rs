//! Takes orders over HTTP.

use place_order::PlaceOrder;
use ports::{RandomIds, SystemClock};
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = PlaceOrder::new(wiring.event_store()?, SystemClock, RandomIds);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
