//! Several streams at once, all or nothing: an explicit, separate call at twice the price.

use envelope::{Aggregate, Cause, InvalidId};
use ports::{Clock, Deadline};

use crate::group::is_the_same;
use crate::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, Decider, Folded, Load, Outcome,
};

/// Commits of several streams under one cause.
///
/// Load each aggregate, decide, [`add`](Transaction::add) the events, [`commit`](Transaction::commit);
/// on [`AppendAllError::Conflict`] or [`AppendAllError::Busy`] load again and decide again. Where a
/// second decision would be refused because of the first ([`Folded::holds`] tells), ask before.
pub struct Transaction<'a> {
    cause: &'a Cause,
    /// The note of the claim, if there is to be one.
    claimed: Option<String>,
    /// One of the streams has this cause's commit. As it was all or nothing, the others have theirs.
    known: bool,
    /// One of the states ends inside of a commit, so that there is no place behind it.
    outdated: bool,
    commits: Vec<Commit>,
    settle: Vec<Settle>,
}

/// Brings a cache up to date, once it is known whether the transaction was stored.
type Settle = Box<dyn FnOnce(bool) + Send>;

impl<'a> Transaction<'a> {
    /// An empty transaction.
    #[must_use]
    pub fn new(cause: &'a Cause) -> Self {
        Self {
            cause,
            claimed: None,
            known: false,
            outdated: false,
            commits: Vec::new(),
            settle: Vec::new(),
        }
    }

    /// Makes the cause count once for good, at the price of one more item: for facts that have no
    /// natural idempotency, and may come again after their stream has forgotten them. The note is kept with the claim, see
    /// [`AppendAll::note_of`].
    #[must_use]
    pub fn claimed(mut self, note: impl Into<String>) -> Self {
        self.claimed = Some(note.into());
        self
    }

    /// Adds what was decided on a loaded state. No events add nothing.
    ///
    /// # Errors
    /// [`InvalidId`] when the id cannot be a key.
    pub fn add<A: Aggregate, S: Load + Append, C: Clock>(
        &mut self,
        decider: &Decider<A, S, C>,
        id: &str,
        seen: &Folded<A::State>,
        events: &[A::Event],
    ) -> Result<(), InvalidId> {
        let stream = A::stream(id)?;
        self.known |= seen.holds(self.cause);
        if events.is_empty() {
            return Ok(());
        }
        self.outdated |= seen.inside;
        let (commit, next) = decider.draft(&stream, seen, self.cause, events);
        let cache = decider.cache.clone();
        self.commits.push(commit);
        self.settle.push(Box::new(move |stored| {
            if stored {
                cache.put(&stream, &next);
            } else {
                cache.forget(&stream);
            }
        }));
        Ok(())
    }

    /// Stores everything or nothing. A single commit without a claim goes the plain way, at the plain price.
    ///
    /// [`Outcome::Duplicate`] if a stream holds a commit of this cause already, as far back as streams
    /// remember; [`Outcome::Unchanged`] if there is nothing to store.
    ///
    /// # Errors
    /// See [`AppendAllError`]. With a claim, a cause that was dealt with before may also be
    /// [`AppendAllError::Claimed`].
    ///
    /// # Cost
    /// One request, and two write units for each kilobyte of each commit and for the claim; one for
    /// a single commit without a claim. None for a duplicate that the loaded states tell of. Requests
    /// that fail for a reason that may pass are repeated under the [`Deadline`] around the caller.
    pub async fn commit<S: AppendAll, C: Clock>(
        self,
        store: &S,
        clock: &C,
    ) -> Result<Outcome, AppendAllError> {
        let claim = self.claimed.map(|note| Claim {
            id: self.cause.commit_id().clone(),
            time: clock.now(),
            note,
        });
        let (commits, claim) = (self.commits.as_slice(), claim.as_ref());
        if self.known {
            return Ok(Outcome::Duplicate);
        }
        let request = async || match (commits, claim) {
            _ if self.outdated => Err(AppendAllError::Conflict(Vec::new())),
            ([], None) => Ok(()),
            ([only], None) => store.append(only).await.map_err(|error| match error {
                AppendError::Conflict(winner) => AppendAllError::Conflict(vec![*winner]),
                AppendError::Busy => AppendAllError::Busy,
                other => other.into(),
            }),
            (commits, claim) => store.append_all(commits, claim).await,
        };
        let seed = self.cause.commit_id().digest();
        let result = match Deadline::persist(clock, seed, request).await {
            Ok(()) if commits.is_empty() && claim.is_none() => Ok(Outcome::Unchanged),
            Ok(()) => Ok(Outcome::Applied),
            Err(AppendAllError::Conflict(winners)) if these(&winners, commits) => {
                Ok(Outcome::Applied)
            }
            Err(AppendAllError::Conflict(winners)) if any_of(&winners, self.cause) => {
                Ok(Outcome::Duplicate)
            }
            Err(error) => Err(error),
        };
        let stored = matches!(result, Ok(Outcome::Applied));
        for settle in self.settle {
            settle(stored);
        }
        result
    }
}

/// Whether the winners are these very commits, whose answer was lost.
fn these(winners: &[Commit], commits: &[Commit]) -> bool {
    let is_one = |winner: &Commit| {
        let own = commits
            .iter()
            .find(|c| c.stream == winner.stream && c.first == winner.first);
        own.is_some_and(|own| is_the_same(winner, own))
    };
    winners.len() == commits.len() && winners.iter().all(is_one)
}

/// Whether one of them, or a command in it, is of this cause.
fn any_of(winners: &[Commit], cause: &Cause) -> bool {
    let mut ids = winners.iter().flat_map(Commit::commit_ids);
    ids.any(|id| id == cause.commit_id())
}
