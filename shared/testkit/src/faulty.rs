//! A store that fails as a network does, at calls that the test chooses.
//!
//! Every fault is one that DynamoDB's own client can see; none makes the store break its contract.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use envelope::{CommitId, StreamId, Version};
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Commit, Load, Loaded, ReadError, SaveSnapshot,
    SaveSnapshotError, Snapshot,
};
use ports::{Consistency, Unavailable};

/// Runs in front of a write.
type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A store with faults in front of it. Clones share the faults that are still to come.
#[derive(Clone)]
pub struct Faulty<S> {
    inner: S,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    unavailable: u32,
    busy: u32,
    answers_lost: u32,
    resends: u32,
    missed: Option<usize>,
    races: VecDeque<Hook>,
}

impl<S> Faulty<S> {
    /// The store, without a fault so far.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// The next `times` calls fail and have no effect.
    pub fn be_unavailable(&self, times: u32) {
        self.plan().unavailable += times;
    }

    /// The next `times` writes meet a transaction that is under way, and have no effect.
    pub fn be_busy(&self, times: u32) {
        self.plan().busy += times;
    }

    /// The next write is applied, and its answer lost: the caller sees `Unavailable`.
    pub fn lose_an_answer(&self) {
        self.plan().answers_lost += 1;
    }

    /// The next write is applied, its answer lost, and the same request sent again by the client
    /// itself: the caller sees the second answer.
    pub fn resend_a_write(&self) {
        self.plan().resends += 1;
    }

    /// The next eventually consistent load misses the newest `commits` commits.
    pub fn serve_a_stale_load(&self, commits: usize) {
        self.plan().missed = Some(commits);
    }

    /// Somebody else acts before the next write arrives.
    pub fn race<F>(&self, other: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.plan()
            .races
            .push_back(Box::new(move || Box::pin(other())));
    }

    /// No more of the faults that are still to come.
    pub fn heal(&self) {
        *self.plan() = Plan::default();
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().expect("no user panicked")
    }

    fn fails(&self) -> Result<(), Unavailable> {
        match spend(&mut self.plan().unavailable) {
            true => Err(Unavailable::new("faulty", "told to be unavailable")),
            false => Ok(()),
        }
    }

    async fn before_write(&self) -> Result<(), Unavailable> {
        // A request takes time, and others get on meanwhile.
        tokio::task::yield_now().await;
        self.fails()?;
        let race = self.plan().races.pop_front();
        if let Some(other) = race {
            other().await;
        }
        Ok(())
    }

    /// The answer to a write that was applied, as the caller comes to see it.
    fn loses(&self) -> Result<(), Unavailable> {
        match spend(&mut self.plan().answers_lost) {
            true => Err(Unavailable::new("faulty", "the answer was lost")),
            false => Ok(()),
        }
    }
}

fn spend(times: &mut u32) -> bool {
    let some = *times > 0;
    *times = times.saturating_sub(1);
    some
}

impl<S: Load> Load for Faulty<S> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        self.fails()?;
        let missed = match consistency {
            Consistency::Eventual => self.plan().missed.take(),
            Consistency::Strong => None,
        };
        let Some(missed) = missed else {
            return self.inner.load(stream, layout, until, consistency).await;
        };
        // The snapshot is an item like any other: it may well be newer than the commits that are seen.
        let snapshot = self
            .inner
            .load(stream, layout, until, consistency)
            .await?
            .snapshot;
        let mut commits = self
            .inner
            .read(stream, Version::ZERO, until, consistency)
            .await?;
        commits.truncate(commits.len().saturating_sub(missed));
        let carries = |commit: &Commit| commit.carries(layout, until);
        let newest = commits.iter().rposition(carries).unwrap_or(0);
        Ok(Loaded {
            snapshot,
            commits: commits.split_off(newest),
        })
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.fails()?;
        self.inner.read(stream, from, to, consistency).await
    }
}

impl<S: SaveSnapshot> SaveSnapshot for Faulty<S> {
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<bool, SaveSnapshotError> {
        self.before_write().await?;
        let saved = self.inner.save_snapshot(stream, snapshot).await?;
        self.loses()?;
        Ok(saved)
    }
}

impl<S: Append> Append for Faulty<S> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.before_write().await?;
        if spend(&mut self.plan().busy) {
            return Err(AppendError::Busy);
        }
        self.inner.append(commit).await?;
        self.loses()?;
        let resent = spend(&mut self.plan().resends);
        if resent {
            self.inner.append(commit).await
        } else {
            Ok(())
        }
    }
}

impl<S: AppendAll> AppendAll for Faulty<S> {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&CommitId>,
    ) -> Result<(), AppendAllError> {
        self.before_write().await.map_err(AppendError::from)?;
        if spend(&mut self.plan().busy) {
            return Err(AppendAllError::Busy);
        }
        self.inner.append_all(commits, claim).await?;
        self.loses().map_err(AppendError::from)?;
        let resent = spend(&mut self.plan().resends);
        if resent {
            self.inner.append_all(commits, claim).await
        } else {
            Ok(())
        }
    }
}
