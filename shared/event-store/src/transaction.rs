//! Several streams at once, all or nothing: an explicit, separate call at twice the price.

use envelope::{Aggregate, Cause, CommitId, InvalidId};
use ports::{Clock, Deadline, Unavailable};

use crate::group;
use crate::{Append, AppendAll, AppendAllError, AppendError, Commit, Decider, Folded, Load};

/// Commits of several streams under one cause.
///
/// Load each aggregate, decide, [`add`](Transaction::add) the events, [`commit`](Transaction::commit);
/// on [`AppendAllError::Conflict`] or [`AppendAllError::Busy`] load again and decide again.
pub struct Transaction<'a> {
    cause: &'a Cause,
    claim: Option<&'a CommitId>,
    commits: Vec<Commit>,
    settle: Vec<Settle>,
}

/// What may pass about a transaction that failed.
fn trouble(error: &AppendAllError) -> Option<&Unavailable> {
    match error {
        AppendAllError::Append(error) => group::trouble(error),
        _ => None,
    }
}

/// Brings a cache up to date, once it is known whether the transaction was stored.
type Settle = Box<dyn FnOnce(bool) + Send>;

impl<'a> Transaction<'a> {
    /// An empty transaction.
    #[must_use]
    pub fn new(cause: &'a Cause) -> Self {
        Self {
            cause,
            claim: None,
            commits: Vec::new(),
            settle: Vec::new(),
        }
    }

    /// Makes the cause count once for good, at the price of one more item: for facts that have no
    /// natural idempotency, and may come again after their stream has forgotten them.
    #[must_use]
    pub fn claimed(mut self) -> Self {
        self.claim = Some(self.cause.commit_id());
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
        if events.is_empty() {
            return Ok(());
        }
        let stream = A::stream(id)?;
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
    /// # Errors
    /// See [`AppendAllError`]. If these very commits are there already, because an earlier answer was
    /// lost, that is a success; with a claim it is [`AppendAllError::Claimed`].
    ///
    /// # Cost
    /// One request, and two write units for each kilobyte of each commit and for the claim; one for
    /// a single commit without a claim. Requests that fail for a reason that may pass are repeated
    /// under the [`Deadline`] around the caller.
    pub async fn commit<S: AppendAll, C: Clock>(
        self,
        store: &S,
        clock: &C,
    ) -> Result<(), AppendAllError> {
        let (commits, claim) = (self.commits.as_slice(), self.claim);
        let request = async || match (commits, claim) {
            ([], None) => Ok(()),
            ([only], None) => store.append(only).await.map_err(|error| match error {
                AppendError::Conflict(winner) => AppendAllError::Conflict(vec![*winner]),
                AppendError::Busy => AppendAllError::Busy,
                other => other.into(),
            }),
            (commits, claim) => store.append_all(commits, claim).await,
        };
        let seed = self.cause.commit_id().digest();
        let result = Deadline::persist(clock, seed, trouble, request).await;
        let ours = |winner: &Commit| {
            winner.commit_id == *self.cause.commit_id()
                && self
                    .commits
                    .iter()
                    .any(|c| c.stream == winner.stream && c.first == winner.first)
        };
        let result = match result {
            Err(AppendAllError::Conflict(winners))
                if winners.len() == self.commits.len() && winners.iter().all(ours) =>
            {
                Ok(())
            }
            other => other,
        };
        for settle in self.settle {
            settle(result.is_ok());
        }
        result
    }
}
