//! Takes orders over HTTP.

use place_order::PlaceOrder;
use ports::{RandomIds, SystemClock};
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let usual = variable("DEFAULT_WORKFLOW")?.parse()?;
    let handler = PlaceOrder::new(wiring.event_store()?, SystemClock, RandomIds, usual);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
