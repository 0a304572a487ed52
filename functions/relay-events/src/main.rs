//! Publishes every stored event: the outbox relay.

use adapter_eventbridge::Bus;
use adapter_eventbridge::aws_sdk_eventbridge::Client;
use ports::SystemClock;
use relay_events::RelayEvents;
use wiring::{Error, Wiring, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let bus = Bus::new(Client::new(wiring.aws()), variable("DOMAIN_BUS")?);
    let partial_batch = variable("PARTIAL_BATCH")? == "true";
    let relay = RelayEvents::new(bus, wiring.dead_letters()?, wiring.sealer()?, SystemClock);
    wiring
        .serve(async |payload, deadline| relay.handle(payload, deadline, partial_batch).await)
        .await
}
