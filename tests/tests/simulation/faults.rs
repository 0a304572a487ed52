//! What can go wrong between a function and what it calls, drawn from the seed.
//!
//! No fault makes a port break its contract: each is one that a client of the real service can see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use envelope::{CommitId, StreamId, Timestamp, Version};
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, Load, Loaded, Memory, ReadError,
};
use ports::{
    Change, Consistency, DeadLetter, DeadLetters, LoadView, SaveView, SaveViewError, Timers,
    Unavailable, Viewed,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use testkit::Faulty;

const UNAVAILABLE: &str = "a call fails";
const ANSWER_LOST: &str = "an answer is lost";
const RESENT: &str = "a write is sent twice";
const BUSY: &str = "a transaction is under way";
const STALE: &str = "a read sees the past";
const OWN_WON: &str = "a write finds itself stored";
const FOREIGN_WON: &str = "another writer wins";
const DIED: &str = "a function dies after its work";
const TWICE: &str = "a message comes twice";

/// Everything that must strike for a test run to mean something.
pub(crate) const FAULTS: [&str; 9] = [
    UNAVAILABLE,
    ANSWER_LOST,
    RESENT,
    BUSY,
    STALE,
    OWN_WON,
    FOREIGN_WON,
    DIED,
    TWICE,
];

/// The dice of a world, and a tally of what they brought about. Clones are the same dice.
#[derive(Clone)]
pub(crate) struct Dice(Arc<Mutex<Thrown>>);

struct Thrown {
    random: fastrand::Rng,
    tally: BTreeMap<&'static str, usize>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let tally = BTreeMap::new();
        Self(Arc::new(Mutex::new(Thrown { random, tally })))
    }

    fn thrown(&self) -> MutexGuard<'_, Thrown> {
        self.0.lock().expect("no user panicked")
    }

    /// A number from 0 to `sides - 1`.
    pub(crate) fn below(&self, sides: usize) -> usize {
        self.thrown().random.usize(..sides)
    }

    pub(crate) fn one_of<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        self.thrown().random.shuffle(items);
    }

    pub(crate) fn function_dies(&self) -> bool {
        self.strikes(DIED, 10)
    }

    pub(crate) fn message_comes_twice(&self) -> bool {
        self.strikes(TWICE, 8)
    }

    /// How often each fault struck.
    pub(crate) fn tally(&self) -> BTreeMap<&'static str, usize> {
        self.thrown().tally.clone()
    }

    fn strikes(&self, fault: &'static str, one_in: usize) -> bool {
        let strikes = self.below(one_in) == 0;
        if strikes {
            self.count(fault);
        }
        strikes
    }

    pub(crate) fn count(&self, fault: &'static str) {
        *self.thrown().tally.entry(fault).or_default() += 1;
    }

    /// A request on its way: others may act first, and it may not arrive.
    pub(crate) async fn travel(&self) -> Result<(), Unavailable> {
        for _ in 0..self.below(4) {
            tokio::task::yield_now().await;
        }
        match self.strikes(UNAVAILABLE, 15) {
            true => Err(Unavailable::new("simulation", "a call failed")),
            false => Ok(()),
        }
    }

    /// An answer on its way back.
    pub(crate) fn answer(&self) -> Result<(), Unavailable> {
        match self.strikes(ANSWER_LOST, 15) {
            true => Err(Unavailable::new("simulation", "an answer was lost")),
            false => Ok(()),
        }
    }
}

/// A port behind a network.
#[derive(Clone)]
pub(crate) struct Remote<P> {
    port: P,
    dice: Dice,
}

impl<P> Remote<P> {
    pub(crate) fn new(port: P, dice: &Dice) -> Self {
        let dice = dice.clone();
        Self { port, dice }
    }
}

impl Remote<Memory> {
    /// The store as one write meets it.
    fn for_write(&self) -> Faulty<Memory> {
        let store = Faulty::new(self.port.clone());
        if self.dice.strikes(BUSY, 20) {
            store.be_busy(1);
        } else if self.dice.strikes(ANSWER_LOST, 15) {
            store.lose_an_answer();
        } else if self.dice.strikes(RESENT, 15) {
            store.resend_a_write();
        }
        store
    }

    fn count_conflict(&self, winner: &Commit, commits: &[Commit]) {
        let own = commits.iter().any(|c| c.commit_id == winner.commit_id);
        self.dice.count(if own { OWN_WON } else { FOREIGN_WON });
    }
}

impl Load for Remote<Memory> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        self.dice.travel().await?;
        let store = Faulty::new(self.port.clone());
        if consistency == Consistency::Eventual && self.dice.strikes(STALE, 4) {
            store.serve_a_stale_load(1 + self.dice.below(3));
        }
        store.load(stream, layout, until, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.dice.travel().await?;
        self.port.read(stream, from, to, consistency).await
    }
}

impl Append for Remote<Memory> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.dice.travel().await?;
        let result = self.for_write().append(commit).await;
        if let Err(AppendError::Conflict(winner)) = &result {
            self.count_conflict(winner, std::slice::from_ref(commit));
        }
        result
    }
}

impl AppendAll for Remote<Memory> {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        self.dice.travel().await.map_err(AppendError::from)?;
        let result = self.for_write().append_all(commits, claim).await;
        if let Err(AppendAllError::Conflict(winners)) = &result {
            for winner in winners {
                self.count_conflict(winner, commits);
            }
        }
        result
    }

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        self.dice.travel().await?;
        self.for_write().note_of(claim).await
    }
}

impl<P: LoadView> LoadView for Remote<P> {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        self.dice.travel().await?;
        // The past that is furthest away: before there was a view.
        if consistency == Consistency::Eventual && self.dice.strikes(STALE, 8) {
            return Ok(None);
        }
        self.port.load(key, consistency).await
    }
}

impl<P: SaveView> SaveView for Remote<P> {
    async fn save<V: Serialize + Sync>(&self, change: &Change<'_, V>) -> Result<(), SaveViewError> {
        self.dice.travel().await?;
        self.port.save(change).await?;
        if self.dice.strikes(RESENT, 15) {
            return self.port.save(change).await;
        }
        Ok(self.dice.answer()?)
    }
}

impl<P: DeadLetters> DeadLetters for Remote<P> {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.dice.travel().await?;
        self.port.send(letter).await?;
        self.dice.answer()
    }
}

impl<P: Timers> Timers for Remote<P> {
    async fn set(&self, name: &str, at: Timestamp, message: &Value) -> Result<(), Unavailable> {
        self.dice.travel().await?;
        self.port.set(name, at, message).await?;
        self.dice.answer()
    }
}
