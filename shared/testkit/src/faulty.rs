//! A store that fails as a network does, at calls that the test chooses.
//!
//! Every fault is one that DynamoDB's own client can see; none makes the store break its contract.
//! They wrap the store's port and not the network, so the client's own retries are not among what
//! is tested: a fault is what is left of it after them.

mod timers;
mod views;

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use envelope::{Aggregate, Cause, CommandId, CommitId, StreamId, Version};
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, Cursor, Decider, Load, Loaded,
    Outcome, ReadError, SaveSnapshot, SaveSnapshotError, Scan, ScanPage, Snapshot,
};
use ports::{Clock, Consistency, GetPayload, PutPayload, Soon, Unavailable};

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
    failures: VecDeque<Soon>,
    busy: u32,
    answers_lost: u32,
    resends: u32,
    missed: Option<usize>,
    races: VecDeque<Hook>,
    /// How many rivals there were, to give each a name of its own.
    rivals: u32,
    garbled: HashSet<(StreamId, Version)>,
}

impl<S> Faulty<S> {
    /// What is behind the faults.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The store, without a fault so far.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// The next `times` calls fail and have no effect: the connection breaks before the request
    /// arrives, or the service is down.
    ///
    /// The caller sees `Unavailable`, of which it cannot know that nothing was stored.
    pub fn be_unavailable(&self, times: u32) {
        self.fail(times, Soon::Likely);
    }

    /// The next `times` calls are refused because there are too many: a partition or a table is at
    /// the end of its capacity.
    ///
    /// The caller sees `Unavailable` with [`Soon::Throttled`]: nothing was stored, and it pays to
    /// wait.
    pub fn be_throttled(&self, times: u32) {
        self.fail(times, Soon::Throttled);
    }

    /// The next `times` calls are refused for good: a role lacks an action, or the table is gone.
    ///
    /// The caller sees `Unavailable` with [`Soon::Unlikely`], and sends nothing again.
    pub fn be_denied(&self, times: u32) {
        self.fail(times, Soon::Unlikely);
    }

    fn fail(&self, times: u32, soon: Soon) {
        let failures = std::iter::repeat_n(soon, times as usize);
        self.plan().failures.extend(failures);
    }

    /// The next `times` writes meet a transaction that is under way on their item
    /// (`TransactionConflict`), and have no effect.
    ///
    /// The caller sees `Busy`. A [`Decider`] waits and decides again.
    pub fn be_busy(&self, times: u32) {
        self.plan().busy += times;
    }

    /// The next write is applied, and its answer lost: the request times out after the table took
    /// it.
    ///
    /// The caller sees `Unavailable`. The same command again finds its own commit.
    pub fn lose_an_answer(&self) {
        self.plan().answers_lost += 1;
    }

    /// The next write is applied, its answer lost, and the same request sent again by the client
    /// itself, as the SDK does after a time-out.
    ///
    /// The caller sees the second answer: a conflict with its own commit.
    pub fn resend_a_write(&self) {
        self.plan().resends += 1;
    }

    /// The next eventually consistent load misses the newest `commits` commits: it was served by a
    /// replica that lags behind.
    ///
    /// The caller sees an older state, and nothing that tells it so.
    pub fn serve_a_stale_load(&self, commits: usize) {
        self.plan().missed = Some(commits);
    }

    /// From now on a scan cannot read the commit that starts at this version.
    pub fn garble(&self, stream: &StreamId, first: Version) {
        self.plan().garbled.insert((stream.clone(), first));
    }

    /// Somebody else acts before the next write arrives: another process, between a read and the
    /// write that rests on it.
    ///
    /// The caller sees what the other one makes it see, most often a conflict.
    pub fn race<F>(&self, other: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.plan()
            .races
            .push_back(Box::new(move || Box::pin(other())));
    }

    /// A conflict storm: before each of the next `times` writes arrives, `rival` carries the command
    /// out on the store behind the faults, each time as a new one. So many processes work on a hot
    /// stream that somebody always gets there first.
    ///
    /// The caller of an append sees a conflict with a commit that is really there. A [`Decider`]
    /// decides again, and gives up with `Contended` after its tenth lost race.
    ///
    /// # Panics
    /// In the write that is raced, if the rival does not store an event: there is then no conflict,
    /// and the test would show nothing.
    pub fn storm<A: Aggregate, C: Clock>(
        &self,
        times: u32,
        rival: &Decider<A, S, C>,
        id: &str,
        command: &A::Command,
    ) where
        S: Load + Append,
    {
        for _ in 0..times {
            let number = {
                let mut plan = self.plan();
                plan.rivals += 1;
                plan.rivals
            };
            let cause = CommandId::new(format!("rival-{number}")).expect("an id");
            let cause = Cause::command(&cause);
            let (rival, id, command) = (rival.clone(), id.to_owned(), command.clone());
            self.race(async move || {
                let executed = rival.execute(&id, &cause, &command).await;
                let outcome = executed.map(|executed| executed.outcome);
                assert!(
                    matches!(outcome, Ok(Outcome::Applied)),
                    "the rival stored nothing: {outcome:?}"
                );
            });
        }
    }

    /// No more of the faults that are still to come.
    pub fn heal(&self) {
        let mut plan = self.plan();
        // A rival of later must not be taken for one of before.
        let rivals = plan.rivals;
        *plan = Plan {
            rivals,
            ..Plan::default()
        };
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().expect("no user panicked")
    }

    fn fails(&self) -> Result<(), Unavailable> {
        match self.plan().failures.pop_front() {
            Some(soon) => Err(Unavailable::new("faulty", "told to fail").again(soon)),
            None => Ok(()),
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

impl<S: Scan> Scan for Faulty<S> {
    async fn scan(
        &self,
        segment: u32,
        segments: u32,
        from: Option<&Cursor>,
        commits_max: u32,
    ) -> Result<ScanPage, Unavailable> {
        self.fails()?;
        let page = self.inner.scan(segment, segments, from, commits_max);
        let mut page = page.await?;
        let plan = self.plan();
        for row in &mut page.commits {
            let place = row.as_ref().ok();
            let place = place.map(|commit| (commit.stream.clone(), commit.first));
            if let Some((stream, first)) = place.filter(|place| plan.garbled.contains(place)) {
                *row = Err(ReadError::Corrupt {
                    stream: stream.to_string(),
                    version: first.get(),
                    what: "told to be unreadable".to_owned(),
                });
            }
        }
        Ok(page)
    }

    async fn estimate(&self) -> Option<u64> {
        self.inner.estimate().await
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

impl<P: PutPayload> PutPayload for Faulty<P> {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Unavailable> {
        self.before_write().await?;
        self.inner.put(key, bytes).await?;
        self.loses()
    }
}

impl<P: GetPayload> GetPayload for Faulty<P> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.fails()?;
        self.inner.get(key).await
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
        claim: Option<&Claim>,
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

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        self.inner.note_of(claim).await
    }
}
