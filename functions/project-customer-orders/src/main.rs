//! Keeps the read model of the lists of customers' orders.

use ports::SystemClock;
use project_customer_orders::ProjectCustomerOrders;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectCustomerOrders::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
