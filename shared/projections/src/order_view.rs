//! Events of an order's streams → the order's view.
//!
//! The version of each stream in the view is the only bookkeeping. So an event that comes twice is
//! dropped, a rebuild and live events can work on one view at the same time, and a view that is up
//! to date is not written again.

use domain::{Order, OrderId, OrderView, Payment, Reservation, Shipment};
use envelope::{Aggregate, Envelope, StreamId, UnreadableEvent, Version};
use event_store::rebuild::{ApplyError, ReadModel, Rebuilding};
use ports::{Consistency, LoadView, Revision, SaveView, SaveViewError, Unavailable};

/// What became of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It was saved with at least one more event in it.
    Saved,
    /// All events were in it before.
    Unchanged,
}

/// Why a view was not brought up to date. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Events are missing between the view and the first of these.
    #[error("the view ends at version {at} of the stream, and the next event is missing")]
    Hole {
        /// How far the view goes.
        at: Version,
    },
    /// An event cannot be read.
    #[error("the event at version {version} cannot be folded")]
    Unreadable {
        /// The event's version.
        version: Version,
        /// Why.
        #[source]
        source: UnreadableEvent,
    },
    /// Somebody else saved the view in the meantime: the same call may succeed now.
    #[error("the view was saved by another writer in the meantime")]
    Conflict,
    /// The views are not available.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<SaveViewError> for UpdateError {
    fn from(error: SaveViewError) -> Self {
        match error {
            SaveViewError::Conflict => Self::Conflict,
            SaveViewError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// Folds events of one stream of an order, in order, into its view.
///
/// With an eventually consistent read the view may look older than it is: then a hole may be none,
/// or the save conflicts. That it is up to date is never an error of such a read, because views
/// only grow.
///
/// # Errors
/// [`UpdateError`].
///
/// # Cost
/// A read of the view, and a write if there is anything new: a request each, a unit for each four
/// kilobytes (half, read eventually) and for each kilobyte.
pub async fn update<V: LoadView + SaveView>(
    views: &V,
    stream: &StreamId,
    events: &[Envelope],
    consistency: Consistency,
) -> Result<Update, UpdateError> {
    let (kind, id) = (stream.aggregate_type(), stream.aggregate_id());
    let key = OrderView::key(id);
    let (mut view, revision) = match views.load(&key, consistency).await? {
        Some(viewed) => (viewed.view, viewed.revision),
        None => (OrderView::new(OrderId::new(id)), Revision::default()),
    };
    let before = view.version_of(kind);
    for event in events {
        let at = view.version_of(kind);
        if event.version > at.next() {
            return Err(UpdateError::Hole { at });
        }
        if event.version == at.next() {
            view.fold(event).map_err(|source| UpdateError::Unreadable {
                version: event.version,
                source,
            })?;
        }
    }
    if view.version_of(kind) == before {
        return Ok(Update::Unchanged);
    }
    views.save(&key, &view, revision).await?;
    Ok(Update::Saved)
}

/// The views of all orders, as a rebuild makes them.
///
/// A view that is there and up to date stays as it is. So with corrected logic rebuild into an
/// empty place, not over views that the old logic has made.
#[derive(Debug)]
pub enum OrderViews {}

impl ReadModel for OrderViews {
    fn concerns(stream: &StreamId) -> bool {
        let kinds = [
            Order::TYPE,
            Reservation::TYPE,
            Payment::TYPE,
            Shipment::TYPE,
        ];
        kinds.contains(&stream.aggregate_type())
    }

    async fn apply<V: LoadView + SaveView>(
        context: &Rebuilding<V>,
        stream: &StreamId,
        events: &[Envelope],
    ) -> Result<(), ApplyError> {
        match update(context, stream, events, Consistency::Strong).await {
            Ok(Update::Saved | Update::Unchanged) => Ok(()),
            Err(UpdateError::Hole { at }) => Err(ApplyError::Behind { at }),
            Err(UpdateError::Unreadable { version, source }) => {
                Err(ApplyError::Unreadable { version, source })
            }
            Err(UpdateError::Conflict) => Err(ApplyError::Conflict),
            Err(UpdateError::Unavailable(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
