//! Keeps the read model of the sales by hour.

use ports::SystemClock;
use project_sales::ProjectSales;
use wiring::{Error, Wiring};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wiring = Wiring::start().await;
    let handler = ProjectSales::new(wiring.event_store()?, wiring.views()?, SystemClock);
    wiring.react_together(handler).await
}
