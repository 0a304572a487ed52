//! Registers customers and changes their addresses over HTTP.

use ports::{RandomIds, SystemClock};
use update_customer::UpdateCustomer;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = UpdateCustomer::new(wiring.event_store()?, SystemClock, RandomIds);
    wiring
        .serve(async |payload, _| handler.handle(payload).await)
        .await
}
