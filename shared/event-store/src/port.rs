//! The port: what a table must be able to do.

use envelope::{CommitId, StreamId, Timestamp, Version};
use ports::{Consistency, Passing, Unavailable};

use crate::{Carried, Commit};

/// Why a read failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The table did not answer as it should; a later attempt may succeed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A row cannot be read. It is never skipped.
    #[error("the commit at {stream} version {version} cannot be read: {what}")]
    Corrupt {
        /// The stream.
        stream: String,
        /// Version of the commit's first event.
        version: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// Why one commit was not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Its place is taken. The commit that took it tells what won (perhaps this very commit, whose
    /// first answer was lost).
    #[error("the stream moved on: {} is there already", .0.commit_id.as_str())]
    Conflict(Box<Commit>),
    /// It is larger than a table takes; it was not sent.
    #[error("a commit of {bytes} bytes is over the limit of {max} bytes; split the command")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The size that it may have.
        max: usize,
    },
    /// One of its events is larger than a bus takes, so that it could be stored and never published;
    /// it was not sent.
    #[error(
        "the event at version {version} has {bytes} bytes, and a bus takes {max}: put what makes it large elsewhere, and its address into the event"
    )]
    EventTooLarge {
        /// Version of the event.
        version: Version,
        /// Its size in the form of the wire.
        bytes: usize,
        /// The size that it may have.
        max: usize,
    },
    /// A transaction is under way on the stream. Nothing was stored, and the place may be taken soon.
    #[error("a transaction is under way on the stream")]
    Busy,
    /// The table did not answer as it should; whether the commit is stored is unknown.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The place is taken by a row that cannot be read.
    #[error(transparent)]
    Unreadable(ReadError),
}

/// Why several commits were not appended. None of them was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendAllError {
    /// At least one place is taken; these are the commits that the table named. None, if it was plain
    /// without asking it.
    #[error("{} of the streams moved on", .0.len())]
    Conflict(Vec<Commit>),
    /// The claim is taken: the cause was dealt with before.
    #[error("this cause was dealt with before")]
    Claimed,
    /// A transaction has a limited number of items, a claim among them; nothing was sent.
    #[error("{actions} items are over the {max} that a transaction may have; split the command")]
    TooMany {
        /// How many it would have.
        actions: usize,
        /// How many it may have.
        max: usize,
    },
    /// Another transaction is under way on one of the streams.
    #[error("another transaction is under way on one of the streams")]
    Busy,
    /// The reasons for which one commit is not appended hold here, too.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Passing for ReadError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            Self::Corrupt { .. } => None,
        }
    }
}

impl Passing for AppendError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            Self::Unreadable(error) => error.unavailable(),
            _ => None,
        }
    }
}

impl From<Unavailable> for AppendAllError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Append(unavailable.into())
    }
}

impl Passing for AppendAllError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Append(error) => error.unavailable(),
            _ => None,
        }
    }
}

impl Passing for SaveSnapshotError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            Self::TooLarge { .. } => None,
        }
    }
}

/// A folded state as an item of its own, beside the commits of its stream: for states that are too
/// large to ride in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Version of the last event in the state.
    pub version: Version,
    /// Time of the commit that holds this event.
    pub time: Timestamp,
    /// The state.
    pub carried: Carried,
    /// Where the state is, if the item would be too large with it: then `carried` has none. See
    /// [`ClaimChecked`](crate::ClaimChecked).
    pub payload: Option<String>,
}

/// The end of a stream, back to where its state can be taken up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The stream's snapshot, if there is one of the layout that was asked for. It may be older
    /// than a state that a commit carries, and (after an eventually consistent read) newer than all
    /// the commits.
    pub snapshot: Option<Snapshot>,
    /// The commits in order: from the newest one that carries a state of this layout, or else from
    /// the first one behind the snapshot, or else from the first, to the newest.
    pub commits: Vec<Commit>,
}

/// Reads streams.
pub trait Load: Clone + Send + Sync + 'static {
    /// The end of a stream as it was at version `until` ([`Version::MAX`]: as it is), back to a
    /// state of this layout. Empty for a stream that does not exist.
    ///
    /// The commit that holds version `until` is the last one, also where it goes on behind it; a
    /// state that it carries then does not count. A snapshot need only be found for
    /// [`Version::MAX`]. Every page is read, and the commits follow each other without a hole.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] for a commit that cannot be read, and [`ReadError::Unavailable`]. A
    /// snapshot that cannot be read is no error: it is left out.
    ///
    /// # Cost
    /// One request, as long as a state is carried by one of the newest few commits, or in the
    /// snapshot; half a read unit for each 4 KB that is read, a whole one if strongly consistent.
    fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Loaded, ReadError>> + Send;

    /// The commits of a stream in order, from the one that holds version `from` to the one that
    /// holds version `to`, as far as there are any.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] for a commit that cannot be read, and [`ReadError::Unavailable`]. A
    /// commit that is missing is no error here: whoever folds them looks.
    ///
    /// # Cost
    /// One request for a single version (`from` equal to `to`) or from the first one, otherwise two,
    /// and one more for each further megabyte; half a read unit for each 4 KB of the commits, a whole
    /// one if strongly consistent.
    fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Vec<Commit>, ReadError>> + Send;
}

/// Why a snapshot was not saved. Nothing is lost by it: the events are the truth.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SaveSnapshotError {
    /// It is larger than a table takes; it was not sent.
    #[error("a snapshot of {bytes} bytes is over the limit of {max} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The size that it may have.
        max: usize,
    },
    /// The table did not answer as it should.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Saves snapshots beside the commits.
pub trait SaveSnapshot: Clone + Send + Sync + 'static {
    /// Replaces the stream's snapshot, unless that one has the same layout and is as new or newer:
    /// then `false`.
    ///
    /// # Errors
    /// [`SaveSnapshotError::TooLarge`], before anything is sent, and
    /// [`SaveSnapshotError::Unavailable`], after which it is unknown whether it is saved.
    ///
    /// # Cost
    /// One request, and a write unit for each kilobyte, also where the answer is `false`.
    fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> impl Future<Output = Result<bool, SaveSnapshotError>> + Send;
}

/// Appends one commit.
pub trait Append: Clone + Send + Sync + 'static {
    /// Stores the commit if its place in the stream is free. Of two writers for one place exactly
    /// one succeeds, and the other learns what won. May be called twice with the same commit.
    ///
    /// # Errors
    /// [`AppendError`]. Nothing is stored, except after [`AppendError::Unavailable`], when that is
    /// unknown, and after a conflict with the same commit, which was stored before.
    ///
    /// # Cost
    /// One request, and a write unit for each kilobyte of the item. DynamoDB bills a conflict, too.
    fn append(&self, commit: &Commit) -> impl Future<Output = Result<(), AppendError>> + Send;
}

/// Appends commits to several streams, all or none. Twice the price of single commits.
pub trait AppendAll: Append {
    /// Stores all commits, and the claim if there is one, or nothing.
    ///
    /// A claim makes a cause count once for good: whatever is in the stream by then, a second
    /// transaction with a claim on the same id fails with [`AppendAllError::Claimed`].
    ///
    /// # Errors
    /// [`AppendAllError`]. Nothing is stored, except after [`AppendError::Unavailable`], when that is
    /// unknown, and where these very commits or this claim were stored before.
    ///
    /// # Cost
    /// One request, and two write units for each kilobyte of each commit and for the claim. DynamoDB
    /// bills a conflict, too.
    fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> impl Future<Output = Result<(), AppendAllError>> + Send;

    /// The note of a claim, strongly consistent; `None` if nothing was claimed under this id.
    ///
    /// # Errors
    /// [`ReadError`].
    ///
    /// # Cost
    /// One request and one read unit.
    fn note_of(
        &self,
        claim: &CommitId,
    ) -> impl Future<Output = Result<Option<String>, ReadError>> + Send;
}

/// What makes a cause count once for good, for as long as an implementation keeps claims: longer than any
/// queue keeps an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The id of the commit that the cause leads to.
    pub id: CommitId,
    /// When it is made.
    pub time: Timestamp,
    /// What whoever comes later should know about the cause; short, for it is paid for as commits are.
    pub note: String,
}
