//! A function that does nothing: the floor under every cold start, which `cargo dev bench coldstart` measures against.
//!
//! It stands outside `functions/`, so that it is neither built for AWS nor deployed.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| {
        Ok::<Value, Error>(event.payload)
    }))
    .await
}
