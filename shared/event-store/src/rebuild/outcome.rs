//! What a rebuild says while it runs and when it ends.

use std::time::Duration;

use envelope::Version;
use ports::Unavailable;
use serde::{Deserialize, Serialize};

/// How a rebuild stands after a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Commits that were read, those of earlier runs included.
    pub commits: u64,
    /// Events that were given to the model.
    pub events: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// How long this run has taken.
    pub elapsed: Duration,
    /// About how many items there are in the table.
    pub estimated_total: Option<u64>,
    /// How long the rest takes at the pace of this run; `None` if nobody knows.
    pub time_left: Option<Duration>,
}

/// A rebuild that came to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// Commits that were read, those of earlier runs included.
    pub commits: u64,
    /// Events that were given to the model. Those of a page that was applied twice count once.
    pub events: u64,
    /// What could not be read. Nothing is missing in the model if this is empty.
    pub set_aside: Vec<SetAside>,
    /// Commits that could be read and were left out, because they stand behind one that could not.
    pub left_out: u64,
}

/// A row that could not be read. The model lacks it, and all of its stream behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// The stream.
    pub stream: String,
    /// Version of the commit's first event, or of the event that cannot be read.
    pub version: Version,
    /// What is wrong with it, without the values in it.
    pub why: String,
}

/// Why a rebuild ended early. It can be resumed from its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A row cannot be read, and the rebuild was to stop at it. The checkpoint is in front of it.
    #[error(
        "{} version {} cannot be read: {}; the rebuild can be resumed when it is mended, or with \
         unreadable rows set aside", .0.stream, .0.version, .0.why
    )]
    Unreadable(SetAside),
    /// The store, the views or the checkpoints did not answer as they should, `attempts` times.
    #[error("not available in {attempts} attempts; the rebuild can be resumed")]
    Unavailable {
        /// How often it was tried.
        attempts: u32,
        /// The last answer.
        #[source]
        source: Unavailable,
    },
    /// Other writers saved a view every time before the rebuild could.
    #[error(
        "{attempts} attempts to save what {stream} is folded into were lost against other writers; \
         the rebuild can be resumed"
    )]
    Contended {
        /// The stream whose events were to be taken up.
        stream: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A view lacks what the checkpoint says was folded into it: it was removed since.
    #[error(
        "what {stream} is folded into ends at version {at}, but the rebuild has passed that before; \
         run it from the beginning"
    )]
    Behind {
        /// The stream.
        stream: String,
        /// How far the view goes.
        at: Version,
    },
}
