//! Change stream of the views table → frames to whoever subscribed.
//!
//! Pushing hangs on the views and never the other way round: a projection that saves a view knows
//! nothing of it, and is neither slower nor broken when nobody can be reached. A push is a hint. What
//! may succeed later is delivered again by the platform, a few times; what never can be pushed, or takes
//! too long, is logged and dropped, because the client reads the view, or is told of it when it connects again.
//!
//! Only the newest layout of the view is pushed. While it is being built from history it passes
//! through states that clients have left behind long ago; they drop these by their revision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use adapter_dynamodb::{BatchFailed, SavedView, batch_answer, records_of, view_of_record};
use futures::{StreamExt, stream};
use ports::{
    Clock, CloseConnection, Deadline, FindSubscribers, SendError, SendFrame, Soon, Unavailable,
};
use projection_kit::{Row, view_in};
use projections::{Order, order};
use push::Topic;
use serde_json::Value;
use telemetry::{chain, metric};
use tracing::{error, info, warn};

/// How many orders are pushed at the same time, and to how many connections each.
const ORDERS: usize = 8;
const CONNECTIONS: usize = 16;

/// How many of the connections that are subscribed to an order, or to a customer, are told: no caller
/// has a reason for more, and without a bound one could keep all others waiting with many.
const SUBSCRIBERS_MAX: usize = 100;

/// How long a connection may keep the others waiting.
const SEND_MAX: Duration = Duration::from_secs(2);

/// The handler.
#[derive(Clone)]
pub struct PushUpdates<N, F, C> {
    connections: N,
    frames: F,
    clock: C,
}

impl<N, F, C> PushUpdates<N, F, C>
where
    N: FindSubscribers + CloseConnection,
    F: SendFrame,
    C: Clock,
{
    /// A handler that pushes to these connections.
    pub fn new(connections: N, frames: F, clock: C) -> Self {
        Self {
            connections,
            frames,
            clock,
        }
    }

    /// Pushes the views of a batch of stream records. All orders are tried, whatever becomes of some.
    ///
    /// # Errors
    /// [`BatchFailed`], if one is to be tried again and `partial` answers are not understood.
    pub async fn handle(&self, payload: Value, partial: bool) -> Result<Value, BatchFailed> {
        let records = records_of(&payload);
        let failed = self.push_all(records).await;
        if failed.is_some() {
            metrics::counter!(metric::FAILED).increment(1);
        }
        batch_answer(records, failed, partial)
    }

    /// The first record that is to be tried again. The platform goes on from there, so those behind it
    /// come once more, and the clients drop them.
    async fn push_all(&self, records: &[Value]) -> Option<usize> {
        // Of each order the newest state only: clients drop the others, which cost as much.
        let mut newest = BTreeMap::new();
        for (record, view) in records.iter().enumerate() {
            let view = view_of_record(view);
            if let Some(view) = view.filter(|view| view_in::<Order>(view.key).is_some()) {
                newest.insert(view.key, (record, view));
            }
        }
        let given_up = GivenUp::default();
        // Made before the first is awaited: the compiler cannot look through a stream that makes them.
        let orders: Vec<_> = newest
            .into_values()
            .map(async |(record, view)| {
                let pushed = self.push(&view, &given_up).await;
                pushed.err().map(|NotNow| record)
            })
            .collect();
        let pushed = stream::iter(orders).buffer_unordered(ORDERS);
        let failed = pushed.collect::<Vec<_>>().await;
        failed.into_iter().flatten().min()
    }

    /// Pushes one view to those who subscribed to it.
    async fn push(&self, view: &SavedView<'_>, given_up: &GivenUp) -> Result<(), NotNow> {
        let Ok(row) = serde_json::from_str::<Row<order::View>>(view.body) else {
            metrics::counter!(metric::FAILED).increment(1);
            error!(view.key = view.key, "not pushed: the view cannot be read");
            return Ok(());
        };
        let order_id = row.view.order_id.as_str();
        let subscribers = match self.subscribers(&row.view).await {
            Ok(subscribers) => subscribers,
            Err(error) => return not_pushed(order_id, None, &error).map(drop),
        };
        if subscribers.is_empty() {
            return Ok(());
        }
        let revision = row.revision();
        let text = push::order(order_id, revision, &order::whole(&row));
        let sends = subscribers
            .iter()
            .map(|id| self.send(order_id, id, &text, given_up));
        let sends: Vec<_> = sends.collect();
        let sent = stream::iter(sends).buffer_unordered(CONNECTIONS);
        let results = sent.collect::<Vec<_>>().await;
        let reached = results.iter().filter(|sent| matches!(sent, Ok(true)));
        info!(
            order.id = order_id,
            revision,
            connections = reached.count(),
            "order pushed"
        );
        results.into_iter().try_for_each(|sent| sent.map(drop))
    }

    /// Those who subscribed to the order or to its customer; each connection once.
    async fn subscribers(&self, view: &order::View) -> Result<BTreeSet<String>, Unavailable> {
        let order = Topic::Order(view.order_id.clone());
        let customer = view.customer_id.as_ref();
        let customer = customer.map(|id| Topic::Customer(id.to_string()));
        let mut found = BTreeSet::new();
        for topic in std::iter::once(order).chain(customer) {
            let (name, now) = (topic.to_string(), self.clock.now());
            // One more, to tell whether there are more.
            let find = || {
                self.connections
                    .subscribers(&name, now, SUBSCRIBERS_MAX + 1)
            };
            let mut some = Deadline::persist(&self.clock, 0, find).await?;
            if some.len() > SUBSCRIBERS_MAX {
                some.truncate(SUBSCRIBERS_MAX);
                warn!(
                    topic = name,
                    connections = SUBSCRIBERS_MAX,
                    "more connections are subscribed than are told; the others get nothing"
                );
            }
            found.extend(some);
        }
        Ok(found)
    }

    /// Sends a frame. Whether the connection took it.
    async fn send(
        &self,
        order_id: &str,
        id: &str,
        text: &str,
        given_up: &GivenUp,
    ) -> Result<bool, NotNow> {
        if given_up.has(id) {
            return Ok(false);
        }
        if !Deadline::leaves_time(&self.clock) {
            return not_pushed(order_id, Some(id), &late());
        }
        match tokio::time::timeout(SEND_MAX, self.reach(id, text)).await {
            Ok(Ok(true)) => {
                metrics::counter!(metric::PUSHED).increment(1);
                Ok(true)
            }
            Ok(Ok(false)) => {
                given_up.add(id);
                Ok(false)
            }
            Ok(Err(error)) => not_pushed(order_id, Some(id), &error),
            // To wait for it once more would keep everybody waiting behind the record.
            Err(_) => {
                given_up.add(id);
                metrics::counter!(metric::FAILED).increment(1);
                warn!(
                    order.id = order_id,
                    connection.id = id,
                    "not pushed, and not tried again: no answer in time"
                );
                Ok(false)
            }
        }
    }

    /// Sends a frame, and forgets the connection if it is gone. What is left of it when that fails is
    /// met again at the next push.
    async fn reach(&self, id: &str, text: &str) -> Result<bool, Unavailable> {
        match self.frames.send(id, text).await {
            Ok(()) => return Ok(true),
            Err(SendError::Unavailable(error)) => return Err(error),
            Err(SendError::Gone) => {}
        }
        match self.connections.close(id).await {
            Ok(()) => info!(connection.id = id, "gone, and forgotten"),
            Err(error) => warn!(
                connection.id = id,
                error = chain(&error),
                "gone, and not forgotten yet"
            ),
        }
        Ok(false)
    }
}

/// Connections that are gone, or did not answer in time: nothing more is sent to them in this
/// invocation, so that each keeps the others waiting once at most.
#[derive(Default)]
struct GivenUp(Mutex<BTreeSet<String>>);

impl GivenUp {
    fn has(&self, id: &str) -> bool {
        self.ids().contains(id)
    }

    fn add(&self, id: &str) {
        self.ids().insert(id.to_owned());
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().expect("nobody panics with it")
    }
}

/// It is worth trying again.
#[derive(Debug)]
struct NotNow;

fn late() -> Unavailable {
    Unavailable::new("execute-api:ManageConnections", "the time for it is up")
}

/// Logs why a view was not pushed, and says whether it is to be tried again.
fn not_pushed(order_id: &str, id: Option<&str>, error: &Unavailable) -> Result<bool, NotNow> {
    if error.soon == Soon::Unlikely {
        metrics::counter!(metric::FAILED).increment(1);
        error!(
            order.id = order_id,
            connection.id = id,
            error = chain(error),
            "not pushed, and not tried again"
        );
        return Ok(false);
    }
    warn!(
        order.id = order_id,
        connection.id = id,
        error = chain(error),
        "not pushed; the platform delivers the record again"
    );
    Err(NotNow)
}

#[cfg(test)]
mod tests;
