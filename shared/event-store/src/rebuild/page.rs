//! What a page means: which commits of which stream are applied together, and what cannot be.
//!
//! Sorting a page out is pure. A stream's commits are checked to follow each other, across pages
//! too: a missing row would otherwise be the one kind of unreadable row that nobody notices.

use envelope::{StreamId, Version};

use super::{ReadModel, SetAside, Standing};
use crate::{Commit, ReadError};

/// Commits of one stream that follow each other on a page, and what may be wrong behind them.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) stream: String,
    /// May be empty, if there is nothing but what is wrong.
    pub(super) commits: Vec<Commit>,
    /// What cannot be read behind the commits.
    pub(super) wrong: Vec<SetAside>,
    /// Commits behind that.
    pub(super) left_out: u64,
    /// Whether the stream was set aside before this page.
    pub(super) aside: bool,
    /// Version of the last event that was seen.
    pub(super) last: Version,
}

impl Run {
    /// How a stream goes on that was read up to `standing`, if that is the same one.
    fn behind(standing: Option<&Standing>, stream: &str) -> Self {
        let known = standing.filter(|standing| standing.stream == stream);
        Self {
            stream: stream.to_owned(),
            commits: Vec::new(),
            wrong: Vec::new(),
            left_out: 0,
            aside: known.is_some_and(|standing| standing.aside),
            last: known.map_or(Version::ZERO, |standing| standing.version),
        }
    }

    pub(super) fn is_aside(&self) -> bool {
        self.aside || !self.wrong.is_empty()
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            stream: self.stream.clone(),
            version: self.last,
            aside: self.is_aside(),
        }
    }

    fn wrong(&mut self, version: Version, why: String) {
        let stream = self.stream.clone();
        self.wrong.push(SetAside {
            stream,
            version,
            why,
        });
    }

    fn push(&mut self, commit: Commit) {
        if !self.is_aside() {
            let expected = self.last.next();
            if commit.first != expected {
                let why = format!("it is missing: version {} comes next", commit.first);
                self.wrong(expected, why);
            } else if commit.payload.is_some() {
                let why = "its data is kept elsewhere, and was read without it".to_owned();
                self.wrong(expected, why);
                self.last = commit.last();
                return;
            }
        }
        self.last = commit.last();
        if self.is_aside() {
            self.left_out += 1;
        } else {
            self.commits.push(commit);
        }
    }

    /// The event at this version cannot be read: its commit and all behind it are set aside.
    pub(super) fn cut(&mut self, version: Version, why: String) {
        let holds = |commit: &Commit| commit.last() >= version;
        let at = self.commits.iter().position(holds);
        let behind = self.commits.split_off(at.unwrap_or(0));
        // The one that holds the event is not left out, but wrong.
        self.left_out += behind.len().saturating_sub(1) as u64;
        let stream = self.stream.clone();
        // In front of what is wrong further on.
        self.wrong.insert(
            0,
            SetAside {
                stream,
                version,
                why,
            },
        );
    }
}

/// A page in parts that can be applied one after the other.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) runs: Vec<Run>,
    /// Commits that could be read, those of other streams included.
    pub(super) commits: u64,
    /// Where the page ends.
    pub(super) standing: Option<Standing>,
}

/// Sorts out a page of a segment that was read up to `standing`.
pub(super) fn sort<M: ReadModel>(
    rows: Vec<Result<Commit, ReadError>>,
    mut standing: Option<Standing>,
) -> Sorted {
    let mut sorted = Sorted::default();
    for row in rows {
        let (stream, concerns) = match &row {
            Ok(commit) => (commit.stream.to_string(), M::concerns(&commit.stream)),
            Err(ReadError::Corrupt { stream, .. }) => (stream.clone(), may_concern::<M>(stream)),
            // The caller asks for the page again.
            Err(ReadError::Unavailable(_)) => continue,
        };
        sorted.commits += u64::from(row.is_ok());
        if !concerns {
            continue;
        }
        if sorted.runs.last().is_none_or(|run| run.stream != stream) {
            sorted.runs.push(Run::behind(standing.as_ref(), &stream));
            standing = None;
        }
        let Some(run) = sorted.runs.last_mut() else {
            continue;
        };
        match row {
            Ok(commit) => run.push(commit),
            Err(ReadError::Corrupt { version, what, .. }) => {
                run.last = Version::new(version);
                run.wrong(run.last, what);
            }
            Err(ReadError::Unavailable(_)) => {}
        }
    }
    sorted.standing = sorted.runs.last().map(Run::standing).or(standing);
    sorted
}

/// A row whose stream cannot be told may be one of the model's.
fn may_concern<M: ReadModel>(stream: &str) -> bool {
    StreamId::parse(stream).map_or(true, |stream| M::concerns(&stream))
}
