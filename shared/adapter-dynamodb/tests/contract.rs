//! The store on DynamoDB obeys the contract: on the embedded one, or on the one whose endpoint is
//! in `EVENT_STORE_TEST_ENDPOINT`.

use adapter_dynamodb::EventStore;
use testkit::{Dynamo, dynamo};
use tokio::sync::OnceCell;

/// One for all cases, as they would share a table in an account.
static DYNAMO: OnceCell<Dynamo> = OnceCell::const_new();

async fn store() -> EventStore {
    let dynamo = DYNAMO.get_or_init(Dynamo::from_env).await;
    EventStore::new(dynamo.client(), dynamo::EVENTS_TABLE)
}

event_store::contract!(store().await);

mod claim_checked {
    event_store::contract!(claim_checked crate::store().await);
}
