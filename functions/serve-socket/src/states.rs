//! What a new subscriber is told at once.

use futures::{StreamExt, TryStreamExt, stream};
use ports::{Clock, Consistency, Deadline, ListViews, LoadView, Page, Unavailable};
use projection_kit::{Row, list_rows, load_row};
use projections::{CustomerOrders, Order, order};
use push::Topic;

use crate::{ServeSocket, seed};

/// The newest orders of a customer that a subscriber gets.
const ORDERS: u32 = 20;

/// How many of them are read at the same time.
const CONCURRENCY: usize = 8;

/// An order as it is now.
pub(crate) struct State {
    pub(crate) order_id: String,
    pub(crate) revision: u64,
    row: Row<order::View>,
}

impl State {
    pub(crate) fn message(&self) -> String {
        push::order(&self.order_id, self.revision, &order::whole(&self.row))
    }
}

impl<K, V: LoadView + ListViews, S, F, C: Clock> ServeSocket<K, V, S, F, C> {
    /// The orders that a topic is about, newest first.
    ///
    /// A list says which orders there are, and the view of each how it is: the list may be behind the
    /// views, and a revision that was read from it might seem to have been seen.
    pub(crate) async fn states(&self, topic: &Topic) -> Result<Vec<State>, Unavailable> {
        let ids = match topic {
            Topic::Order(id) => vec![id.clone()],
            Topic::Customer(id) => self.newest(id).await?,
        };
        let states = stream::iter(ids)
            .map(|id| self.state(id))
            .buffered(CONCURRENCY);
        let states: Vec<_> = states.try_collect().await?;
        Ok(states.into_iter().flatten().collect())
    }

    async fn newest(&self, customer_id: &str) -> Result<Vec<String>, Unavailable> {
        let newest_first = Page {
            reversed: true,
            ..Page::of(customer_id, ORDERS)
        };
        let list = || list_rows::<CustomerOrders, V>(&self.views, newest_first);
        let found = Deadline::persist(&self.clock, seed(customer_id), list).await?;
        let ids = found.entries.into_iter().map(|row| row.view.order_id);
        Ok(ids.collect())
    }

    /// Nothing while the order is not projected yet: it is pushed when it is.
    async fn state(&self, order_id: String) -> Result<Option<State>, Unavailable> {
        let load = || load_row::<Order, V>(&self.views, &order_id, Consistency::Strong);
        let found = Deadline::persist(&self.clock, seed(&order_id), load).await?;
        Ok(found.map(|row| State {
            revision: row.revision(),
            order_id: row.view.order_id.clone(),
            row,
        }))
    }
}
