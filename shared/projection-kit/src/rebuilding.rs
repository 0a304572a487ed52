//! A projection as a rebuild sees it: the same fold over the same rows.

use std::marker::PhantomData;

use envelope::{Envelope, StreamId};
use event_store::rebuild::{ApplyError, ReadModel, Rebuilding};
use ports::{Consistency, LoadView, SaveView};

use crate::Projection;
use crate::row::{Opened, Stopped};

/// A projection, for [`Rebuild::run`](event_store::rebuild::Rebuild::run).
///
/// Views that are up to date stay as they are, so corrected logic is a new layout.
#[derive(Debug)]
pub struct Rebuilt<P>(PhantomData<P>);

impl<P: Projection> ReadModel for Rebuilt<P> {
    fn concerns(stream: &StreamId) -> bool {
        P::view_of(stream).is_some()
    }

    async fn apply<V: LoadView + SaveView>(
        context: &Rebuilding<V>,
        stream: &StreamId,
        events: &[Envelope],
    ) -> Result<(), ApplyError> {
        let Some(id) = P::view_of(stream) else {
            return Ok(());
        };
        let mut opened = Opened::<P>::load(context, id, Consistency::Strong).await?;
        let stopped = opened.row.take_up::<P>(stream, events);
        if let Err(Stopped::Hole { at }) = stopped {
            return Err(ApplyError::Behind { at });
        }
        if opened.is_changed() {
            opened.save(context).await?;
        }
        match stopped {
            Err(Stopped::Unreadable { version, source }) => {
                Err(ApplyError::Unreadable { version, source })
            }
            _ => Ok(()),
        }
    }
}
