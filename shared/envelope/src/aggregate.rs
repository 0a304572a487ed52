//! The shape that every aggregate has. It stands here, not in the store, so that a domain stays pure:
//! it implements this trait without depending on anything that does I/O.

use crate::{Event, InvalidId, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a fold does about an event whose type, or whose newer version, the reader does not know.
///
/// Either way an event that is known, and does not have the shape of its schema, is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownEvents {
    /// The fold fails. A command is then not decided on half the truth.
    Fail,
    /// The fold goes on, and the event counts for the version alone. The folded state is not stored
    /// with commits: a reader that knows the event must not meet a state that lacks it.
    Opaque,
}

/// A consistency boundary: a fold over one stream, and a decision on top of it.
pub trait Aggregate: Send + Sync + 'static {
    /// The fold of the stream. It is stored with commits, so its layout is part of the contract.
    type State: Default + Clone + Serialize + DeserializeOwned + Send + Sync;
    /// What can happen in the stream.
    type Event: Event;
    /// What can be asked of it.
    type Command: Clone + Send + Sync;
    /// Why a command is refused.
    type Rejection: std::error::Error + Send + Sync + 'static;

    /// The `aggregateType` of the wire, and the first part of the stream's key.
    const TYPE: &'static str;
    /// Digest of the layout of [`State`](Aggregate::State). A carried state with another digest is
    /// ignored and folded anew. A test computes it from the state's schema and fails when it is out of date.
    const LAYOUT: u32;

    /// What a fold does about events that this reader does not know.
    const UNKNOWN_EVENTS: UnknownEvents = UnknownEvents::Fail;

    /// The stream of the aggregate with this id.
    ///
    /// # Errors
    /// [`InvalidId`] when the id cannot be part of a key.
    fn stream(id: &str) -> Result<StreamId, InvalidId> {
        StreamId::new(Self::TYPE, id)
    }

    /// What the command leads to. No events means that there is nothing left to do.
    ///
    /// # Errors
    /// The rule that the command would break.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after one more event.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}
