//! The shape that every aggregate has. It stands here, not in the store, so that a domain stays pure:
//! it implements this trait without depending on anything that does I/O.

use crate::{Event, InvalidId, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A consistency boundary: a fold over one stream, and a decision on top of it.
pub trait Aggregate: Send + Sync + 'static {
    /// The fold of the stream. It is stored with commits, so its layout is part of the contract.
    type State: Default + Clone + Serialize + DeserializeOwned + Send + Sync;
    /// What can happen in the stream.
    type Event: Event;
    /// What can be asked of it.
    type Command: Send + Sync;
    /// Why a command is refused.
    type Rejection: std::error::Error + Send + Sync + 'static;

    /// The `aggregateType` of the wire, and the first part of the stream's key.
    const TYPE: &'static str;
    /// Digest of the layout of [`State`](Aggregate::State). A carried state with another digest is
    /// ignored and folded anew. A test computes it from the state's schema and fails when it is out of date.
    const LAYOUT: u32;

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
