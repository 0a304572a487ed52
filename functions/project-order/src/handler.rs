//! Every event of an order's streams → the order's view.
//!
//! The version of each stream in the view is the only bookkeeping: an event at or below it is a
//! duplicate, the next one is folded, and a hole is filled from the store, which is the truth, at
//! once. The bus may deliver late, twice, and in any order.

use envelope::{Cause, Envelope, Version};
use event_store::{Load, envelopes_from};
use ports::{Clock, Consistency, LoadView, Retry, SaveView};
use projections::{Update, UpdateError, update};
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
#[error("the store does not have all events up to the one that was delivered")]
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

    /// What the store has from the hole on, the event that was delivered included.
    async fn missing(&self, event: &Envelope, at: Version) -> Result<Vec<Envelope>, Failure> {
        let (stream, from) = (event.stream()?, at.next());
        let commits = self
            .store
            .read(&stream, from, Version::MAX, Consistency::Strong)
            .await?;
        for commit in &commits {
            commit.whole()?;
        }
        let events = envelopes_from(&commits, from);
        match events.last() {
            Some(last) if last.version >= event.version => Ok(events),
            _ => Err(Failure::transient(StoreIsBehind)),
        }
    }
}

impl<S: Load, V: LoadView + SaveView, C: Clock> React for ProjectOrder<S, V, C> {
    const NAME: &'static str = "project-order";
    /// The events of one order tend to come together.
    const CONCURRENCY: usize = 1;

    async fn react(&self, event: &Envelope, cause: &Cause, _: u32) -> Result<Done, Failure> {
        let stream = event.stream()?;
        let mut events = vec![event.clone()];
        let mut filled = false;
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, cause.commit_id().digest());
        loop {
            match update(&self.views, &stream, &events, consistency).await {
                Ok(Update::Saved) => return Ok(Done::Handled),
                // A view only grows, so even an outdated one tells a duplicate.
                Ok(Update::Unchanged) => return Ok(Done::Duplicate),
                Err(UpdateError::Hole { at }) => {
                    // What was read begins behind a view that may be outdated, and the newest one
                    // is no older: if there is a hole yet, the store has it.
                    if filled {
                        return Err(Failure::transient(StoreIsBehind));
                    }
                    events = self.missing(event, at).await?;
                    (filled, consistency) = (true, Consistency::Strong);
                }
                Err(UpdateError::Conflict) => {
                    consistency = Consistency::Strong;
                    retry.lost().await?;
                }
                Err(UpdateError::Unreadable { source, .. }) => return Err(source.into()),
                Err(UpdateError::Unavailable(error)) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
