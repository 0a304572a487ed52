//! Every event of an order's streams → the order's view.
//!
//! The version of each stream in the view is the only bookkeeping: an event at or below it is a
//! duplicate, the next one is folded, and a hole is filled from the store, which is the truth, at
//! once. The bus may deliver late, twice, and in any order.

use domain::{OrderId, OrderView};
use envelope::{Cause, Envelope, Version};
use event_store::{Load, envelopes_from};
use ports::{Clock, Consistency, LoadView, Retry, Revision, SaveView, SaveViewError};
use reaction::{Done, Failure, React};

/// The handler.
#[derive(Clone)]
pub struct ProjectOrder<S, V, C> {
    store: S,
    views: V,
    clock: C,
}

/// The store does not have (yet) what the bus has delivered.
#[derive(Debug, thiserror::Error)]
#[error("the store ends before the version of the event that was delivered")]
struct StoreIsBehind;

impl<S: Load, V: LoadView + SaveView, C: Clock> ProjectOrder<S, V, C> {
    /// A handler over the store and the views.
    pub fn new(store: S, views: V, clock: C) -> Self {
        Self {
            store,
            views,
            clock,
        }
    }

    /// Folds the event, and what is missing before it.
    async fn fold(&self, view: &mut OrderView, event: &Envelope) -> Result<(), Failure> {
        let at = view.version_of(&event.aggregate_type);
        if event.version == at.next() {
            return Ok(view.fold(event)?);
        }
        let stream = event.stream()?;
        let commits = self
            .store
            .read(&stream, at.next(), Version::MAX, Consistency::Strong)
            .await?;
        for commit in &commits {
            commit.whole()?;
        }
        for event in envelopes_from(&commits, at.next()) {
            view.fold(&event)?;
        }
        if view.version_of(&event.aggregate_type) < event.version {
            return Err(Failure::transient(StoreIsBehind));
        }
        Ok(())
    }
}

impl<S: Load, V: LoadView + SaveView, C: Clock> React for ProjectOrder<S, V, C> {
    const NAME: &'static str = "project-order";
    /// The events of one order tend to come together.
    const CONCURRENCY: usize = 1;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let id = &event.aggregate_id;
        let key = OrderView::key(id);
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, cause.commit_id().digest());
        loop {
            let (mut view, revision) = match self.views.load(&key, consistency).await? {
                Some(viewed) => (viewed.view, viewed.revision),
                None => (OrderView::new(OrderId::new(id)), Revision::default()),
            };
            // A view only grows, so even an outdated one tells a duplicate.
            if event.version <= view.version_of(&event.aggregate_type) {
                return Ok(Done::Duplicate);
            }
            self.fold(&mut view, event).await?;
            match self.views.save(&key, &view, revision).await {
                Ok(()) => return Ok(Done::Handled),
                Err(SaveViewError::Conflict) => {
                    consistency = Consistency::Strong;
                    retry.lost().await?;
                }
                Err(SaveViewError::Unavailable(error)) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
