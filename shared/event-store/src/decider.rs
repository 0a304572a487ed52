//! The one loop around a pure decision: read, decide, append; on a conflict, decide again.

use envelope::{Aggregate, Cause, Envelope, InvalidId, StreamId, Version};
use ports::{Backoff, Clock, Consistency};

use crate::cache::Cache;
use crate::{Append, AppendError, Commit, Folded, Load, ReadError, UnreadableHistory};

/// How often a command is decided before it gives up against other writers.
const ATTEMPTS_MAX: u32 = 10;

/// Runs the commands of one kind of aggregate against a store.
///
/// A clone shares the cache of its original.
pub struct Decider<A: Aggregate, S, C> {
    pub(crate) store: S,
    pub(crate) clock: C,
    pub(crate) cache: Cache<A::State>,
}

impl<A: Aggregate, S: Clone, C: Clone> Clone for Decider<A, S, C> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            clock: self.clock.clone(),
            cache: self.cache.clone(),
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
    /// The events that it led to, if they were stored now.
    pub events: Vec<Envelope>,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + 'static> {
    /// The aggregate refuses it. Decided on a strongly consistent read.
    #[error("the command is refused")]
    Rejected(#[source] R),
    /// Other writers won every time.
    #[error("the stream is contended: {ATTEMPTS_MAX} attempts lost against other writers")]
    Contended,
    /// The state could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The commit could not be written.
    #[error(transparent)]
    Append(AppendError),
}

/// Why a state could not be loaded.
#[derive(Debug, thiserror::Error)]
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

/// A state, and whether it is known to be the newest.
struct Seen<S> {
    folded: Folded<S>,
    fresh: bool,
}

impl<A: Aggregate, S: Load, C: Clock> Decider<A, S, C> {
    /// A decider with an empty cache.
    pub fn new(store: S, clock: C) -> Self {
        Self {
            store,
            clock,
            cache: Cache::new(),
        }
    }

    /// The state of an aggregate. An eventual read may come from the cache, without a request.
    ///
    /// # Errors
    /// [`ReadError`] or [`UnreadableHistory`], never a state that leaves something out.
    pub async fn load(
        &self,
        id: &str,
        consistency: Consistency,
    ) -> Result<Folded<A::State>, LoadError> {
        let stream = A::stream(id)?;
        match (consistency, self.cache.get(&stream)) {
            (Consistency::Eventual, Some(folded)) => Ok(folded),
            _ => self.read(&stream, consistency).await,
        }
    }

    /// The state of an aggregate that should exist. That it does not is said only after a strongly
    /// consistent read.
    ///
    /// # Errors
    /// The same as those of [`load`](Decider::load).
    pub async fn find(&self, id: &str) -> Result<Option<Folded<A::State>>, LoadError> {
        let mut folded = self.load(id, Consistency::Eventual).await?;
        if folded.version == Version::ZERO {
            folded = self.load(id, Consistency::Strong).await?;
        }
        Ok((folded.version > Version::ZERO).then_some(folded))
    }

    async fn read(
        &self,
        stream: &StreamId,
        consistency: Consistency,
    ) -> Result<Folded<A::State>, LoadError> {
        let hole = |folded: &_| matches!(folded, Err(UnreadableHistory::Hole { .. }));
        let mut folded = Folded::of::<A>(&self.store.load(stream, A::LAYOUT, consistency).await?);
        // An eventual read may see a commit before the one in front of it.
        if hole(&folded) && consistency == Consistency::Eventual {
            let commits = self
                .store
                .load(stream, A::LAYOUT, Consistency::Strong)
                .await?;
            folded = Folded::of::<A>(&commits);
        }
        // The state that the load stopped at cannot be read. All the events can.
        if hole(&folded) {
            let commits = self
                .store
                .read(stream, Version::ZERO, Consistency::Strong)
                .await?;
            folded = Folded::of::<A>(&commits);
        }
        let folded = folded?;
        if folded.version > Version::ZERO {
            self.cache.put(stream, &folded);
        }
        Ok(folded)
    }

    async fn refresh(&self, stream: &StreamId) -> Result<Seen<A::State>, LoadError> {
        let folded = self.read(stream, Consistency::Strong).await?;
        Ok(Seen {
            folded,
            fresh: true,
        })
    }
}

impl<A: Aggregate, S: Load + Append, C: Clock> Decider<A, S, C> {
    /// Carries a command out, exactly once for each cause, as far back as the stream remembers its
    /// newest commits.
    ///
    /// Warm: one request, no read. Cold: one eventually consistent read before it. A refusal, or the
    /// decision that there is nothing to do, is given only after a strongly consistent read.
    ///
    /// # Errors
    /// See [`ExecuteError`]. After [`AppendError::Unavailable`] it is unknown whether the events are
    /// stored; the same call again finds out and does no harm.
    pub async fn execute(
        &self,
        id: &str,
        cause: &Cause,
        command: &A::Command,
    ) -> Result<Executed<A::State>, ExecuteError<A::Rejection>> {
        let stream = A::stream(id).map_err(LoadError::from)?;
        let folded = self.load(id, Consistency::Eventual).await?;
        let mut seen = Seen {
            folded,
            fresh: false,
        };
        let mut attempt = 0;
        while attempt < ATTEMPTS_MAX {
            if seen.folded.recent.contains(cause.commit_id()) {
                return Ok(executed(Outcome::Duplicate, seen.folded, vec![]));
            }
            let events = match A::decide(&seen.folded.state, command) {
                Ok(events) if !events.is_empty() => events,
                _ if !seen.fresh => {
                    seen = self.refresh(&stream).await?;
                    continue;
                }
                Ok(_) => return Ok(executed(Outcome::Unchanged, seen.folded, vec![])),
                Err(rejection) => return Err(ExecuteError::Rejected(rejection)),
            };
            let (commit, next) = self.draft(&stream, &seen.folded, cause, &events);
            match self.store.append(&commit).await {
                Ok(()) => {
                    self.cache.put(&stream, &next);
                    return Ok(executed(Outcome::Applied, next, commit.envelopes()));
                }
                // Our own commit: it was stored, and its answer lost.
                Err(AppendError::Conflict(winner)) if winner.commit_id == commit.commit_id => {
                    let next = seen.folded.then::<A>(&winner).map_err(LoadError::from)?;
                    self.cache.put(&stream, &next);
                    return Ok(executed(Outcome::Applied, next, winner.envelopes()));
                }
                Err(AppendError::Conflict(winner)) => {
                    seen = self.after(&stream, seen, &winner, attempt, cause).await?;
                }
                // What the transaction leaves is most likely something else to decide on.
                Err(AppendError::Busy) => seen = self.later(&stream, attempt, cause).await?,
                Err(error) => return Err(ExecuteError::Append(error)),
            }
            attempt += 1;
        }
        Err(ExecuteError::Contended)
    }

    /// What to decide on after a lost race. The first time, what the winner left: no read. After
    /// that the stream is hot, and guessing costs a write each time: wait, and read what is newest.
    async fn after(
        &self,
        stream: &StreamId,
        seen: Seen<A::State>,
        winner: &Commit,
        attempt: u32,
        cause: &Cause,
    ) -> Result<Seen<A::State>, ExecuteError<A::Rejection>> {
        self.cache.forget(stream);
        if attempt == 0 {
            let folded = seen.folded.then::<A>(winner).map_err(LoadError::from)?;
            return Ok(Seen {
                folded,
                fresh: false,
            });
        }
        Ok(self.later(stream, attempt, cause).await?)
    }

    async fn later(
        &self,
        stream: &StreamId,
        attempt: u32,
        cause: &Cause,
    ) -> Result<Seen<A::State>, LoadError> {
        self.clock
            .sleep(Backoff::IN_PROCESS.wait(attempt, cause.commit_id().digest()))
            .await;
        self.refresh(stream).await
    }

    pub(crate) fn draft(
        &self,
        stream: &StreamId,
        folded: &Folded<A::State>,
        cause: &Cause,
        events: &[A::Event],
    ) -> (Commit, Folded<A::State>) {
        let now = self.clock.now();
        let mut commit = Commit::new::<A>(stream, folded.version, cause, now, events);
        let next = folded.advance::<A>(&mut commit, events);
        (commit, next)
    }
}

fn executed<S>(outcome: Outcome, folded: Folded<S>, events: Vec<Envelope>) -> Executed<S> {
    Executed {
        outcome,
        state: folded.state,
        version: folded.version,
        events,
    }
}
