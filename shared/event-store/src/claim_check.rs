//! Claim checks: what is too large for an item lies in an object beside the table, behind a pointer
//! in the item.
//!
//! The object is written before the item, so a pointer that is stored always leads somewhere. A
//! writer that then loses the race for its place leaves an object that nothing points at. It stays:
//! a rule by age cannot tell it from history, and a role that may delete it may delete history.
//! Losing such a race with such a commit is rare, and the key tells the place, so that whoever wants
//! the bytes back can compare each key with the item there. Objects of snapshots
//! ([`SNAPSHOTS_PREFIX`]) are different: a snapshot is only a shortcut past the events, so a bucket may
//! expire them by age, and a load that does not find one folds the events.

mod object;
mod scan;

use std::borrow::Cow;

use envelope::{CommitId, StreamId, Version};
use ports::{Consistency, GetPayload, PutPayload, Unavailable};

pub use object::{COMMITS_PREFIX, EVENT_BYTES_MAX, PAYLOAD_BYTES_MAX, SNAPSHOTS_PREFIX};

use crate::{
    Append, AppendAll, AppendAllError, AppendError, Carried, Claim, Commit, ITEM_BYTES_MAX, Load,
    Loaded, ReadError, SaveSnapshot, SaveSnapshotError, Snapshot, TRANSACTION_BYTES_MAX,
    check_transaction,
};
use object::{Object, belongs, put_data_back, take_data_out, take_state_out};

/// A store whose commits may have up to [`PAYLOAD_BYTES_MAX`] of data, in events of up to
/// [`EVENT_BYTES_MAX`], and whose snapshots may be as large.
///
/// Everything that reads the streams must read through one of these: without it, a commit whose data
/// lie elsewhere is an error, and never an event without data.
///
/// # Cost
/// Nothing beyond the store's own, as long as everything fits into items. A commit or a snapshot with
/// a pointer costs one more request, a put, when it is written, and one get each time it is read.
#[derive(Debug, Clone)]
pub struct ClaimChecked<S, P> {
    store: S,
    payloads: P,
    beyond: usize,
}

/// A commit as it goes to the table, and the object that has to be there before.
struct Checked<'a> {
    commit: Cow<'a, Commit>,
    object: Option<Object>,
}

/// Fetches the data of a commit that was read without them, from a change stream for example. A
/// commit that has its data stays as it is.
///
/// # Errors
/// [`ReadError::Corrupt`] when the object is missing or is not what was put, and
/// [`ReadError::Unavailable`] when it cannot be fetched now.
///
/// # Cost
/// One get, if there is a pointer.
pub async fn fetch_data<P: GetPayload>(
    mut commit: Commit,
    payloads: &P,
) -> Result<Commit, ReadError> {
    let Some(key) = commit.payload.take() else {
        return Ok(commit);
    };
    let object = payloads.get(&key).await?;
    put_data_back(commit, &key, object.as_deref())
}

impl<S, P> ClaimChecked<S, P> {
    /// Puts aside what does not fit into an item otherwise.
    #[must_use]
    pub fn new(store: S, payloads: P) -> Self {
        Self {
            store,
            payloads,
            beyond: ITEM_BYTES_MAX,
        }
    }

    /// Puts the data of commits aside from this size on, in bytes of the item. A table bills every kilobyte
    /// of an item and a bucket the request, so a commit of some tens of kilobytes already costs less
    /// there; it takes longer.
    #[must_use]
    pub fn beyond(self, bytes: usize) -> Self {
        let beyond = bytes.min(ITEM_BYTES_MAX);
        Self { beyond, ..self }
    }

    /// How the commit goes to the table. One that points elsewhere already is left alone.
    fn check<'a>(&self, commit: &'a Commit) -> Result<Checked<'a>, AppendError> {
        let (mut commit, mut object) = (Cow::Borrowed(commit), None);
        let bare = commit.bare_bytes();
        let riding = commit.carried.as_ref().map_or(0, Carried::bytes);
        if commit.payload.is_none() && bare > self.beyond {
            let (pointing, data) = take_data_out(&commit)?;
            (commit, object) = (Cow::Owned(pointing), Some(data));
        } else if bare + riding > ITEM_BYTES_MAX {
            // The state need not ride.
            commit.to_mut().carried = None;
        }
        Ok(Checked { commit, object })
    }

    /// How the commits go to the table in one transaction. Those that fit one by one, and not
    /// together, are put aside too, the largest first.
    fn check_all<'a>(&self, commits: &'a [Commit]) -> Result<Vec<Checked<'a>>, AppendError> {
        let checked = commits.iter().map(|commit| self.check(commit));
        let mut checked = checked.collect::<Result<Vec<_>, _>>()?;
        let mut whole: Vec<usize> = (0..checked.len())
            .filter(|index| checked[*index].commit.payload.is_none())
            .collect();
        let size = |checked: &Checked<'_>| checked.commit.item_bytes();
        whole.sort_by_key(|index| size(&checked[*index]));
        let mut bytes: usize = checked.iter().map(size).sum();
        while bytes > TRANSACTION_BYTES_MAX
            && let Some(largest) = whole.pop()
        {
            let before = size(&checked[largest]);
            let (pointing, data) = take_data_out(&checked[largest].commit)?;
            checked[largest] = Checked {
                commit: Cow::Owned(pointing),
                object: Some(data),
            };
            bytes = bytes - before + size(&checked[largest]);
        }
        Ok(checked)
    }
}

impl<S: Load, P: GetPayload> ClaimChecked<S, P> {
    async fn fetch_all(&self, commits: Vec<Commit>) -> Result<Vec<Commit>, ReadError> {
        let mut fetched = Vec::with_capacity(commits.len());
        for commit in commits {
            fetched.push(fetch_data(commit, &self.payloads).await?);
        }
        Ok(fetched)
    }

    /// The snapshot with its state, unless that is gone.
    async fn fetch_state(&self, mut snapshot: Snapshot) -> Result<Option<Snapshot>, ReadError> {
        let Some(key) = snapshot.payload.take() else {
            return Ok(Some(snapshot));
        };
        let state = self.payloads.get(&key).await?;
        let state = state.filter(|state| belongs(&key, state));
        Ok(state.map(|state| {
            snapshot.carried.state = state;
            snapshot
        }))
    }
}

impl<S: Load, P: GetPayload> Load for ClaimChecked<S, P> {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        let Loaded { snapshot, commits } =
            self.store.load(stream, layout, until, consistency).await?;
        let (snapshot, commits) = match snapshot {
            Some(saved) => match self.fetch_state(saved).await? {
                // The commits start behind it, so without it they are not enough.
                None => {
                    let all = self.store.read(stream, Version::ZERO, until, consistency);
                    (None, all.await?)
                }
                found => (found, commits),
            },
            None => (None, commits),
        };
        let commits = self.fetch_all(commits).await?;
        Ok(Loaded { snapshot, commits })
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        let commits = self.store.read(stream, from, to, consistency).await?;
        self.fetch_all(commits).await
    }
}

impl<S: SaveSnapshot, P: PutPayload> SaveSnapshot for ClaimChecked<S, P> {
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<bool, SaveSnapshotError> {
        if snapshot.payload.is_some() || snapshot.item_bytes(stream) <= ITEM_BYTES_MAX {
            return self.store.save_snapshot(stream, snapshot).await;
        }
        let (bytes, max) = (snapshot.carried.state.len(), PAYLOAD_BYTES_MAX);
        if bytes > max {
            return Err(SaveSnapshotError::TooLarge { bytes, max });
        }
        let (pointing, state) = take_state_out(stream, snapshot);
        self.payloads.put(&state.key, state.bytes).await?;
        self.store.save_snapshot(stream, &pointing).await
    }
}

impl<S, P: PutPayload + GetPayload> ClaimChecked<S, P> {
    async fn put(&self, objects: impl Iterator<Item = Object>) -> Result<(), Unavailable> {
        for object in objects {
            self.payloads.put(&object.key, object.bytes).await?;
        }
        Ok(())
    }

    /// What won a place, with its data. One that points at the object that was just put is the same
    /// commit, written before: its data are at hand.
    async fn winner(
        &self,
        mut winner: Commit,
        lost: &Commit,
        pointer: Option<&String>,
    ) -> Result<Commit, AppendError> {
        let ours = winner.payload.is_some() && winner.payload.as_ref() == pointer;
        if ours && winner.events.len() == lost.events.len() {
            winner.payload = None;
            for (event, own) in winner.events.iter_mut().zip(&lost.events) {
                event.data = own.data.clone();
            }
            return Ok(winner);
        }
        self.fetch_winner(winner).await
    }

    async fn fetch_winner(&self, winner: Commit) -> Result<Commit, AppendError> {
        let fetched = fetch_data(winner, &self.payloads).await;
        fetched.map_err(|error| match error {
            ReadError::Unavailable(unavailable) => unavailable.into(),
            corrupt @ ReadError::Corrupt { .. } => AppendError::Unreadable(corrupt),
        })
    }
}

impl<S: Append, P: PutPayload + GetPayload> Append for ClaimChecked<S, P> {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        let Checked {
            commit: checked,
            object,
        } = self.check(commit)?;
        self.put(object.into_iter()).await?;
        match self.store.append(&checked).await {
            Err(AppendError::Conflict(winner)) => {
                let pointer = checked.payload.as_ref();
                let winner = self.winner(*winner, commit, pointer).await?;
                Err(AppendError::Conflict(Box::new(winner)))
            }
            answer => answer,
        }
    }
}

impl<S: AppendAll, P: PutPayload + GetPayload> AppendAll for ClaimChecked<S, P> {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        let (sent, objects): (Vec<_>, Vec<_>) = self
            .check_all(commits)?
            .into_iter()
            .map(|checked| (checked.commit.into_owned(), checked.object))
            .unzip();
        // Before anything is put that a refused transaction would leave behind.
        check_transaction(&sent, claim.is_some())?;
        let objects = objects.into_iter().flatten();
        self.put(objects).await.map_err(AppendError::from)?;
        match self.store.append_all(&sent, claim).await {
            Err(AppendAllError::Conflict(winners)) => {
                let mut whole = Vec::with_capacity(winners.len());
                for winner in winners {
                    let place =
                        |lost: &Commit| lost.stream == winner.stream && lost.first == winner.first;
                    let lost = commits.iter().zip(&sent).find(|(lost, _)| place(lost));
                    whole.push(match lost {
                        Some((lost, sent)) => {
                            self.winner(winner, lost, sent.payload.as_ref()).await?
                        }
                        None => self.fetch_winner(winner).await?,
                    });
                }
                Err(AppendAllError::Conflict(whole))
            }
            answer => answer,
        }
    }

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        self.store.note_of(claim).await
    }
}
