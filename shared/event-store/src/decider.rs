//! Commands against a store: read, decide, append; on a conflict, decide again.

use std::sync::Arc;

use envelope::{Aggregate, Cause, Envelope, InvalidId, StreamId, Version};
use ports::{Clock, Consistency, Deadline};

use crate::cache::Cache;
use crate::lanes::{Arrived, Lanes, Turn};
use crate::{
    Append, AppendError, Commit, Folded, Load, Loaded, ReadError, SaveSnapshot, SaveSnapshotError,
    UnreadableHistory,
};

/// How often a command is decided before it gives up against other writers.
pub(crate) const ATTEMPTS_MAX: u32 = 10;

/// Runs the commands of one kind of aggregate against a store.
///
/// Commands for one stream that are pending at the same time share a write, each judged on its own
/// and answered on its own. A clone shares the cache and the writes of its original.
///
/// Requests that fail for a reason that may pass are repeated under the [`Deadline`] around the
/// caller; without one they are made once.
pub struct Decider<A: Aggregate, S, C> {
    pub(crate) store: S,
    pub(crate) clock: C,
    pub(crate) cache: Cache<A::State>,
    lanes: Lanes<A>,
}

impl<A: Aggregate, S: Clone, C: Clone> Clone for Decider<A, S, C> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            clock: self.clock.clone(),
            cache: self.cache.clone(),
            lanes: self.lanes.clone(),
        }
    }
}

/// What a command led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its events are stored.
    Applied,
    /// They were stored before, by an earlier delivery of the same cause.
    Duplicate,
    /// There was nothing left to do.
    Unchanged,
}

/// A command that was not refused.
#[derive(Debug, Clone)]
pub struct Executed<S> {
    /// What it led to.
    pub outcome: Outcome,
    /// The state after it, as far as is known.
    pub state: S,
    /// Version of the stream after it.
    pub version: Version,
    /// Whether the state has grown too large to ride in commits and is to be saved on its own: call
    /// [`Decider::save_snapshot`] when the command has been answered. If nobody does, loads get dearer.
    pub snapshot_due: bool,
    /// The commit that holds its events, and which of the commit's parts they are.
    pub(crate) stored: Option<(Arc<Commit>, usize)>,
}

impl<S> Executed<S> {
    /// The events that it led to, in the form of the wire, if they were stored now.
    #[must_use]
    pub fn events(&self) -> Vec<Envelope> {
        let stored = self.stored.as_ref();
        let part = stored.and_then(|(commit, index)| Some((commit, commit.parts().nth(*index)?)));
        part.map(|(commit, part)| commit.envelopes_of(part).collect())
            .unwrap_or_default()
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + 'static> {
    /// The aggregate refuses it, on a state that a strongly consistent read, or the success of the
    /// write that it was judged with, proves to be the newest.
    #[error("the command is refused")]
    Rejected(#[source] R),
    /// Other writers won every time.
    #[error(
        "the stream is contended: {ATTEMPTS_MAX} attempts, or all that there was time for, lost against other writers"
    )]
    Contended,
    /// The state could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The commit could not be written.
    #[error(transparent)]
    Append(AppendError),
}

/// Why a state could not be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The id cannot be a key.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The stream could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The stream was read, and cannot be folded.
    #[error(transparent)]
    History(#[from] UnreadableHistory),
}

/// Why a snapshot was not saved. Nothing is lost by it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SnapshotError {
    /// The state could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The snapshot could not be written.
    #[error(transparent)]
    Save(#[from] SaveSnapshotError),
}

impl<A: Aggregate, S: Load, C: Clock> Decider<A, S, C> {
    /// A decider with an empty cache.
    pub fn new(store: S, clock: C) -> Self {
        Self {
            store,
            clock,
            cache: Cache::new(),
            lanes: Lanes::new(),
        }
    }

    /// The state of an aggregate. An eventual read may come from the cache, without a request.
    ///
    /// # Errors
    /// [`ReadError`] or [`UnreadableHistory`], never a state that leaves something out.
    ///
    /// # Cost
    /// One request and, where a state rides in one of the newest few commits, half a read unit for
    /// each 4 KB of them; a strong read costs twice as much.
    pub async fn load(
        &self,
        id: &str,
        consistency: Consistency,
    ) -> Result<Folded<A::State>, LoadError> {
        let stream = A::stream(id)?;
        match (consistency, self.cache.get(&stream)) {
            (Consistency::Eventual, Some(folded)) => Ok(folded),
            _ => self.refresh(&stream, consistency).await,
        }
    }

    /// The state of an aggregate that should exist. That it does not is said only after a strongly
    /// consistent read.
    ///
    /// # Errors
    /// The same as those of [`load`](Decider::load).
    ///
    /// # Cost
    /// That of [`load`](Decider::load), and one more request for a stream that does not exist.
    pub async fn find(&self, id: &str) -> Result<Option<Folded<A::State>>, LoadError> {
        let mut folded = self.load(id, Consistency::Eventual).await?;
        if folded.version == Version::ZERO {
            folded = self.load(id, Consistency::Strong).await?;
        }
        Ok((folded.version > Version::ZERO).then_some(folded))
    }

    /// The newest state from the store, which the cache has from now on.
    pub(crate) async fn refresh(
        &self,
        stream: &StreamId,
        consistency: Consistency,
    ) -> Result<Folded<A::State>, LoadError> {
        let folded = Box::pin(self.fold(stream, Version::MAX, consistency)).await?;
        if folded.version > Version::ZERO {
            self.cache.put(stream, &folded);
        }
        Ok(folded)
    }

    /// The state at version `until`, or at the end of a stream that is shorter.
    pub(crate) async fn fold(
        &self,
        stream: &StreamId,
        until: Version,
        consistency: Consistency,
    ) -> Result<Folded<A::State>, LoadError> {
        let hole = |folded: &_| matches!(folded, Err(UnreadableHistory::Hole { .. }));
        let mut folded = self.try_fold(stream, until, consistency).await?;
        // An eventual read may see a commit before the one in front of it.
        if hole(&folded) && consistency == Consistency::Eventual {
            folded = self.try_fold(stream, until, Consistency::Strong).await?;
        }
        // The state that the load stopped at cannot be read. All the events can.
        if hole(&folded) {
            let commits = self.commits(stream, Version::ZERO, until, Consistency::Strong);
            let (snapshot, commits) = (None, commits.await?);
            folded = Folded::of::<A>(&Loaded { snapshot, commits }, until);
        }
        Ok(folded?)
    }

    async fn try_fold(
        &self,
        stream: &StreamId,
        until: Version,
        consistency: Consistency,
    ) -> Result<Result<Folded<A::State>, UnreadableHistory>, ReadError> {
        let loaded = self.loaded(stream, until, consistency).await?;
        let folded = Folded::of::<A>(&loaded, until);
        let saved = loaded.snapshot.map(|snapshot| snapshot.version);
        Ok(match (folded, saved) {
            // It could not be taken up, and there is no commit behind it to show what is missing.
            (Ok(folded), Some(saved)) if folded.version < saved.min(until) => {
                Err(UnreadableHistory::Hole {
                    stream: stream.to_string(),
                    version: folded.version,
                    found: saved,
                })
            }
            (folded, _) => folded,
        })
    }

    pub(crate) async fn loaded(
        &self,
        stream: &StreamId,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        let load = || self.store.load(stream, A::LAYOUT, until, consistency);
        Deadline::persist(&self.clock, seed(stream, &self.clock), load).await
    }

    pub(crate) async fn commits(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        let read = || self.store.read(stream, from, to, consistency);
        Deadline::persist(&self.clock, seed(stream, &self.clock), read).await
    }
}

/// Tells apart the processes that read a stream at about the same time.
fn seed<C: Clock>(stream: &StreamId, clock: &C) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (stream, clock.now().as_millis()).hash(&mut hasher);
    hasher.finish()
}

impl<A: Aggregate, S: Load + Append, C: Clock> Decider<A, S, C> {
    /// Carries a command out, exactly once for each cause, as far back as the stream remembers its
    /// newest commits.
    ///
    /// Commands that arrive while a write to their stream is under way wait for it, and then share
    /// the next one, under the deadline of whoever makes it. (So await nothing on the same stream
    /// while another `execute` of it exists that is not polled: it may be the one to write.) A refusal, or the decision that there is nothing to do, is given only on a
    /// state that a strongly consistent read, or the success of the shared write, proves to be the newest.
    ///
    /// # Errors
    /// See [`ExecuteError`]. After [`AppendError::Unavailable`] it is unknown whether the events are
    /// stored; the same call again finds out and does no harm.
    ///
    /// # Cost
    /// Warm, one request and a write unit for each kilobyte. Cold, one eventually consistent read
    /// before it. A lost race costs another write, and from the second one on a strongly consistent
    /// read, too. Commands that share a write share its cost.
    pub async fn execute(
        &self,
        id: &str,
        cause: &Cause,
        command: &A::Command,
    ) -> Result<Executed<A::State>, ExecuteError<A::Rejection>> {
        let stream = A::stream(id).map_err(LoadError::from)?;
        for _ in 0..ATTEMPTS_MAX {
            let lead = match self.lanes.arrive(&stream, cause, command) {
                Arrived::Leads(lead) => lead,
                Arrived::Waits(turn) => match turn.await {
                    Ok(Turn::Answered(answer)) => return answer,
                    Ok(Turn::Lead(lead)) => lead,
                    // Whoever took this command along was cancelled: begin anew.
                    Err(_) => continue,
                },
            };
            // Boxed, or the compiler's patience with nested futures ends in the caller's crate.
            return Box::pin(self.lead(&lead, &stream, cause, command)).await;
        }
        Err(ExecuteError::Contended)
    }
}

impl<A: Aggregate, S: Load + SaveSnapshot, C: Clock> Decider<A, S, C> {
    /// Saves the state as an item of its own, so that later loads start from it: for states too large
    /// to ride in commits. To be called when [`Executed::snapshot_due`] says so, off the command's
    /// path. `false` if there is nothing to save, or a newer snapshot is there already.
    ///
    /// # Errors
    /// See [`SnapshotError`]. Nothing depends on a snapshot, so an error may be ignored.
    ///
    /// # Cost
    /// One request and a write unit for each kilobyte of the state; no read while the process
    /// remembers the state.
    pub async fn save_snapshot(&self, id: &str) -> Result<bool, SnapshotError> {
        let folded = self.load(id, Consistency::Eventual).await?;
        let Some(snapshot) = folded.snapshot(A::LAYOUT) else {
            return Ok(false);
        };
        let stream = A::stream(id).map_err(LoadError::from)?;
        let save = || self.store.save_snapshot(&stream, &snapshot);
        let saved = Deadline::persist(&self.clock, seed(&stream, &self.clock), save).await?;
        self.cache.stored(&stream, folded.tail_bytes);
        Ok(saved)
    }
}
