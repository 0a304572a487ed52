//! An order that moves at the very moment when somebody subscribes to it: too early for the
//! subscription to be found by whoever pushes.

use envelope::Timestamp;
use ports::{
    Change, CloseConnection, Connection, Consistency, KeepConnections, LoadView, MemoryConnections,
    MemoryViews, SaveView, SubscribeError, Unavailable,
};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Moving {
    pub(crate) connections: MemoryConnections,
    pub(crate) views: MemoryViews,
    /// The key of the order's view, and its version afterwards.
    pub(crate) moves: (&'static str, u64),
}

impl KeepConnections for Moving {
    async fn open(&self, id: &str, caller: &str, until: Timestamp) -> Result<(), Unavailable> {
        self.connections.open(id, caller, until).await
    }

    async fn find(&self, id: &str) -> Result<Option<Connection>, Unavailable> {
        self.connections.find(id).await
    }

    async fn subscribe(
        &self,
        id: &str,
        topic: &str,
        until: Timestamp,
        max: usize,
    ) -> Result<(), SubscribeError> {
        let (key, version) = self.moves;
        let found = self.views.load::<Value>(key, Consistency::Strong).await?;
        let mut found = found.expect("the view is there");
        found.view["versions"]["Order"] = json!(version);
        let change = Change::new(key, &found.view, found.revision);
        self.views.save(&change).await.expect("as it was seen");
        self.connections.subscribe(id, topic, until, max).await
    }

    async fn unsubscribe(&self, id: &str, topic: &str) -> Result<(), Unavailable> {
        self.connections.unsubscribe(id, topic).await
    }
}

impl CloseConnection for Moving {
    async fn close(&self, id: &str) -> Result<(), Unavailable> {
        self.connections.close(id).await
    }
}
