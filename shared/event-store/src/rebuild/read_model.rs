//! What is rebuilt, and all that it gets to work with.
//!
//! The context is the view port and nothing more. It gives no access to what it wraps, so that the
//! model cannot get at more than the two traits by knowing the type behind them.

use envelope::{Envelope, StreamId, UnreadableEvent, Version};
use ports::{Change, Consistency, LoadView, SaveView, SaveViewError, Unavailable, Viewed};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A read model, as a rebuild sees it: a function from events to views.
///
/// It is a type without a value. What it does with events is an associated function, so that
/// nothing can be handed to it but events and a [`Rebuilding`]. A static, or a connection that it
/// opens itself, no signature can keep from it; a reviewer can see those.
///
/// A model that tries to reach a mailer which its caller has does not compile:
///
/// ```compile_fail,E0434
/// # use envelope::{Envelope, StreamId};
/// # use event_store::rebuild::{ApplyError, ReadModel, Rebuilding};
/// # use ports::{LoadView, SaveView};
/// # struct Mailer;
/// # impl Mailer { fn send(&self, _: &Envelope) {} }
/// fn rebuild(mailer: Mailer) {
///     enum Mails {}
///     impl ReadModel for Mails {
///         # fn concerns(_: &StreamId) -> bool { true }
///         async fn apply<V: LoadView + SaveView>(
///             context: &Rebuilding<V>, stream: &StreamId, events: &[Envelope],
///         ) -> Result<(), ApplyError> {
///             events.iter().for_each(|event| mailer.send(event));
///             Ok(())
///         }
///     }
/// }
/// ```
///
/// Nor does one that would keep it in a field:
///
/// ```compile_fail,E0185
/// # use envelope::{Envelope, StreamId};
/// # use event_store::rebuild::{ApplyError, ReadModel, Rebuilding};
/// # use ports::{LoadView, SaveView};
/// # struct Mailer;
/// # impl Mailer { fn send(&self, _: &Envelope) {} }
/// struct Mails { mailer: Mailer }
/// impl ReadModel for Mails {
///     # fn concerns(_: &StreamId) -> bool { true }
///     async fn apply<V: LoadView + SaveView>(
///         &self, context: &Rebuilding<V>, stream: &StreamId, events: &[Envelope],
///     ) -> Result<(), ApplyError> {
///         events.iter().for_each(|event| self.mailer.send(event));
///         Ok(())
///     }
/// }
/// ```
///
/// Without the mailer both do:
///
/// ```
/// # use envelope::{Envelope, StreamId};
/// # use event_store::rebuild::{ApplyError, ReadModel, Rebuilding};
/// # use ports::{LoadView, SaveView};
/// fn rebuild() {
///     enum Quiet {}
///     impl ReadModel for Quiet {
///         # fn concerns(_: &StreamId) -> bool { true }
///         async fn apply<V: LoadView + SaveView>(
///             context: &Rebuilding<V>, stream: &StreamId, events: &[Envelope],
///         ) -> Result<(), ApplyError> {
///             events.iter().for_each(|event| assert!(event.stream().is_ok()));
///             Ok(())
///         }
///     }
/// }
/// ```
pub trait ReadModel: 'static {
    /// Whether it is folded from this stream. Others are passed over.
    fn concerns(stream: &StreamId) -> bool;

    /// Takes up the next events of a stream: at least one, in order, without a hole. Those of the
    /// first call begin with version 1. After a crash some of them come again, so an event at or
    /// below the version that was taken up before must be dropped. Between the calls for one stream
    /// there may be calls for others, also at the same time.
    ///
    /// An event of an earlier schema version is brought up to date where it is read, by
    /// [`Envelope::decode`] or [`Envelope::read`].
    ///
    /// # Errors
    /// [`ApplyError`]. The events may then have been taken up in part, or not at all.
    ///
    /// # Cost
    /// What the model asks of the views: it is called once for each stream on a page, and once more
    /// for each time that it has to be repeated.
    fn apply<V: LoadView + SaveView>(
        context: &Rebuilding<V>,
        stream: &StreamId,
        events: &[Envelope],
    ) -> impl Future<Output = Result<(), ApplyError>> + Send;
}

/// Why a model did not take up events.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It cannot read one of them. It counts as a row that cannot be read.
    #[error("the event at version {version} cannot be read")]
    Unreadable {
        /// The event's version.
        version: Version,
        /// Why.
        #[source]
        source: UnreadableEvent,
    },
    /// Another writer saved the view in the meantime: the same call is made again.
    #[error("the view was saved by another writer in the meantime")]
    Conflict,
    /// The view lacks what came before these events, so another than this rebuild has changed it.
    #[error("the view ends at version {at}, before the events that are to be folded into it")]
    Behind {
        /// How far it goes.
        at: Version,
    },
    /// The views are not available: the same call is made again, a bounded number of times.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<SaveViewError> for ApplyError {
    fn from(error: SaveViewError) -> Self {
        match error {
            SaveViewError::Conflict => Self::Conflict,
            SaveViewError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// What a model has to work with: views to load and save.
///
/// Nothing can be published through it, even if it was made of something that could:
///
/// ```compile_fail,E0599
/// # use envelope::Envelope;
/// # use event_store::rebuild::{ApplyError, Rebuilding};
/// use ports::{Consistency, LoadView, Publish, SaveView};
///
/// async fn apply<V: LoadView + SaveView + Publish>(
///     context: &Rebuilding<V>, events: &[Envelope],
/// ) -> Result<(), ApplyError> {
///     context.load::<String>("view", Consistency::Strong).await?;
///     context.publish(events).await?;
///     Ok(())
/// }
/// ```
///
/// Without that line it compiles:
///
/// ```
/// # use envelope::Envelope;
/// # use event_store::rebuild::{ApplyError, Rebuilding};
/// use ports::{Consistency, LoadView, Publish, SaveView};
///
/// async fn apply<V: LoadView + SaveView + Publish>(
///     context: &Rebuilding<V>, events: &[Envelope],
/// ) -> Result<(), ApplyError> {
///     context.load::<String>("view", Consistency::Strong).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Rebuilding<V>(V);

impl<V> Rebuilding<V> {
    pub(super) fn new(views: V) -> Self {
        Self(views)
    }
}

impl<V: LoadView> LoadView for Rebuilding<V> {
    async fn load<T: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<T>>, Unavailable> {
        self.0.load(key, consistency).await
    }
}

impl<V: SaveView> SaveView for Rebuilding<V> {
    async fn save<T: Serialize + Sync>(&self, change: &Change<'_, T>) -> Result<(), SaveViewError> {
        self.0.save(change).await
    }
}
