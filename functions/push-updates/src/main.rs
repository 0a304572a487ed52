//! Pushes every saved view of an order to whoever subscribed.

use adapter_apigateway::aws_sdk_apigatewaymanagement::config::Builder;
use adapter_apigateway::{Sockets, client_at};
use ports::SystemClock;
use push_updates::PushUpdates;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let client = client_at(Builder::from(wiring.aws()), variable("SOCKET_ENDPOINT")?);
    let partial_batch = variable("PARTIAL_BATCH")? == "true";
    let push = PushUpdates::new(wiring.connections()?, Sockets::new(client), SystemClock);
    wiring
        .serve(async |payload, _| push.handle(payload, partial_batch).await)
        .await
}
