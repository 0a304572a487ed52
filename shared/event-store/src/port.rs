//! The port: what a table must be able to do.

use envelope::{CommitId, StreamId, Version};
use ports::{Consistency, Unavailable};

use crate::Commit;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
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
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Its place is taken. The commit that took it tells what won (perhaps this very commit, whose
    /// first answer was lost).
    #[error("the stream moved on: {} is there already", .0.commit_id.as_str())]
    Conflict(Box<Commit>),
    /// It is larger than a table takes; it was not sent.
    #[error(
        "a commit of {bytes} bytes is over the {max} bytes that an item may have; split the command"
    )]
    TooLarge {
        /// Size of the item.
        bytes: usize,
        /// Size that an item may have.
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
#[derive(Debug, thiserror::Error)]
pub enum AppendAllError {
    /// At least one place is taken; these are the commits that the table named.
    #[error("{} of the streams moved on", .0.len())]
    Conflict(Vec<Commit>),
    /// The claim is taken: the cause was dealt with before.
    #[error("this cause was dealt with before")]
    Claimed,
    /// Another transaction is under way on one of the streams.
    #[error("another transaction is under way on one of the streams")]
    Busy,
    /// The reasons for which one commit is not appended hold here, too.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Reads streams.
pub trait Load: Clone + Send + Sync + 'static {
    /// The end of a stream: its commits in order, from the newest that carries a state of this
    /// layout (or, where none does, from the first) to the newest. Empty for a stream that does not exist.
    ///
    /// Every page is read, and the commits follow each other without a hole. One request, as long
    /// as a state is carried by one of the newest few commits.
    fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Vec<Commit>, ReadError>> + Send;

    /// The commits of a stream in order, from the one that holds version `from` to the newest.
    fn read(
        &self,
        stream: &StreamId,
        from: Version,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Vec<Commit>, ReadError>> + Send;
}

/// Appends one commit.
pub trait Append: Clone + Send + Sync + 'static {
    /// Stores the commit if its place in the stream is free. Of two writers for one place exactly
    /// one succeeds, and the other learns what won. May be called twice with the same commit.
    fn append(&self, commit: &Commit) -> impl Future<Output = Result<(), AppendError>> + Send;
}

/// Appends commits to several streams, all or none. Twice the price of single commits.
pub trait AppendAll: Append {
    /// Stores all commits, and the claim if there is one, or nothing.
    ///
    /// A claim makes a cause count once for good: whatever is in the stream by then, a second
    /// transaction with the same claim fails with [`AppendAllError::Claimed`].
    fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&CommitId>,
    ) -> impl Future<Output = Result<(), AppendAllError>> + Send;
}
