//! Where the stores are measured: a table service, and a way to it that may be counted.
//!
//! Every store gets its client from here, so none can send a request that is not counted. Counting and asking for
//! capacity cost time, so times are taken at places without a meter.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType};
use testkit::{Dynamo, Meter, Usage};

/// A table service, and perhaps a meter. Clones share both.
#[derive(Clone)]
pub(crate) struct Place {
    dynamo: Arc<Dynamo>,
    meter: Option<Meter>,
}

/// The key of a table, and its type.
pub(crate) type Key<'a> = (&'a str, ScalarAttributeType);

impl Place {
    /// A fresh embedded one, or the one at the endpoint.
    pub(crate) async fn new(endpoint: Option<&str>, metered: bool) -> Self {
        let dynamo = match endpoint {
            Some(endpoint) => Dynamo::at(endpoint).await,
            None => Dynamo::embedded().await,
        };
        Self {
            dynamo: Arc::new(dynamo),
            meter: metered.then(Meter::default),
        }
    }

    /// The same tables, without a meter.
    pub(crate) fn unmetered(&self) -> Self {
        Self {
            meter: None,
            ..self.clone()
        }
    }

    /// A client of its own.
    pub(crate) fn client(&self) -> Client {
        match &self.meter {
            Some(meter) => self.dynamo.metered_client(meter),
            None => self.dynamo.client(),
        }
    }

    /// What was counted since the last call; nothing without a meter.
    pub(crate) fn take(&self) -> Usage {
        self.meter.as_ref().map(Meter::take).unwrap_or_default()
    }

    /// Makes a table unless it is there.
    pub(crate) async fn create_table(&self, table: &str, hash: Key<'_>, range: Option<Key<'_>>) {
        let mut keys = vec![(hash.0, hash.1, KeyType::Hash)];
        keys.extend(range.map(|(name, scalar)| (name, scalar, KeyType::Range)));
        self.dynamo.create_table(table, &keys).await;
    }
}
