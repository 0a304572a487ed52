//! Takes goods in over HTTP.

use ports::{RandomIds, SystemClock};
use restock_product::RestockProduct;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = RestockProduct::new(wiring.event_store()?, SystemClock, RandomIds);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
