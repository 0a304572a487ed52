//! What a new subscriber is told at once.

use std::collections::BTreeSet;

use domain::CustomerId;
use futures::{StreamExt, TryStreamExt, stream};
use ports::{Clock, Consistency, Deadline, ListViews, LoadView, Page, Unavailable};
use projection_kit::{Row, list_rows, load_row};
use projections::{CustomerOrders, Order, order};
use push::{Frame, Topic};

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
    /// The orders that a frame is about and of which the client has not seen the newest state. Of a
    /// customer these are the newest ones, newest first, and whatever else the client has of him.
    ///
    /// A list says which orders there are, and the view of each how it is and whose: the list may be
    /// behind the views, and a revision that was read from it might seem to have been seen; and what
    /// a client says that it has seen may be anybody's.
    pub(crate) async fn states(&self, frame: &Frame) -> Result<Vec<State>, Unavailable> {
        let (ids, customer) = match &frame.topic {
            Topic::Order(id) => (vec![id.clone()], None),
            Topic::Customer(id) => {
                let mut ids = self.newest(id).await?;
                let listed = BTreeSet::from_iter(ids.clone());
                let others = frame.seen.order_ids().filter(|id| !listed.contains(*id));
                ids.extend(others.map(str::to_owned));
                (ids, Some(CustomerId::new(id)))
            }
        };
        let states = stream::iter(ids)
            .map(|id| self.state(id))
            .buffered(CONCURRENCY);
        let states: Vec<_> = states.try_collect().await?;
        let wanted = |state: &State| {
            let his = customer.is_none() || state.row.view.customer_id == customer;
            his && !frame.seen.has(&state.order_id, state.revision)
        };
        Ok(states.into_iter().flatten().filter(wanted).collect())
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
