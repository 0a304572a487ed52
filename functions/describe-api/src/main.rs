//! Tells what the HTTP API is.

use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    wiring
        .serve(async |payload, _| describe_api::handle(payload))
        .await
}
