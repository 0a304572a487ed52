//! Whose an order is.

use domain::{Aggregate, CustomerId, Order, order::OrderEvent};
use envelope::Version;
use event_store::{Load, ReadError, envelopes_from};
use ports::{Clock, Consistency, Deadline, LoadView, Soon, Unavailable};
use projection_kit::load_row;
use projections::Order as OrderView;

use crate::{ServeSocket, seed};

impl<K, V: LoadView, S: Load, F, C: Clock> ServeSocket<K, V, S, F, C> {
    /// The customer who placed an order, if anybody did.
    ///
    /// The view says it at nearly no cost. An order that was taken a moment ago may not be in it yet,
    /// and whoever placed it wants to hear about it at once; so its stream is asked then.
    pub(crate) async fn owner(&self, order_id: &str) -> Result<Option<CustomerId>, Unavailable> {
        let load = || load_row::<OrderView, V>(&self.views, order_id, Consistency::Eventual);
        let found = Deadline::persist(&self.clock, seed(order_id), load).await?;
        match found.and_then(|row| row.view.customer_id) {
            Some(owner) => Ok(Some(owner)),
            None => {
                let placed = || self.placed_by(order_id);
                Deadline::persist(&self.clock, seed(order_id), placed).await
            }
        }
    }

    /// The same, from the first event of the order's stream.
    async fn placed_by(&self, order_id: &str) -> Result<Option<CustomerId>, Unavailable> {
        let Ok(stream) = Order::stream(order_id) else {
            return Ok(None);
        };
        let first = Version::new(1);
        let commits = self
            .store
            .read(&stream, first, first, Consistency::Strong)
            .await;
        let commits = commits.map_err(|error| match error {
            ReadError::Unavailable(error) => error,
            corrupt => unreadable(corrupt),
        })?;
        let events = envelopes_from(&commits, first);
        let Some(event) = events.first() else {
            return Ok(None);
        };
        match event.decode::<OrderEvent>() {
            Ok(OrderEvent::OrderPlaced(placed)) => Ok(Some(placed.customer_id)),
            Ok(_) => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::new("the order's stream", error).again(Soon::Unlikely)
}
