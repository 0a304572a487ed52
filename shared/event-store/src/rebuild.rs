//! Rebuilding a read model from all that ever happened.
//!
//! A rebuild reads the table segment by segment, gives each stream's events in order to a
//! [`ReadModel`], and keeps a [`Checkpoint`] after each page. It is *at least once*: after a crash
//! the page in front of the checkpoint is applied again. So whoever is rebuilt must not mind an
//! event that comes twice; a view that keeps the version of what it was folded from, and is saved
//! only over the revision that was read, has this for nothing, and lets live events go on arriving
//! meanwhile.
//!
//! A replay must not send e-mail again. The code that replays therefore is a function without a
//! `self`, which gets a [`Rebuilding`] and nothing else: there is no way to hand it a bus or a mailer.
//!
//! All segments run in the caller's own task, side by side. So dropping the future ends all of it
//! at once, and nothing goes on behind the caller's back; the next run goes on from the checkpoint.
//!
//! ```
//! use envelope::{Envelope, StreamId, Version};
//! use event_store::rebuild::{ApplyError, MemoryCheckpoints, ReadModel, Rebuild, Rebuilding};
//! use ports::{Change, Consistency, LoadView, SaveView};
//!
//! /// How many events each order has.
//! enum Counts {}
//!
//! impl ReadModel for Counts {
//!     fn concerns(stream: &StreamId) -> bool {
//!         stream.aggregate_type() == "Order"
//!     }
//!
//!     async fn apply<V: LoadView + SaveView>(
//!         context: &Rebuilding<V>,
//!         stream: &StreamId,
//!         events: &[Envelope],
//!     ) -> Result<(), ApplyError> {
//!         let key = format!("count#{}", stream.aggregate_id());
//!         let found = context.load::<Version>(&key, Consistency::Strong).await?;
//!         let (count, revision) = found.map_or_else(Default::default, |v| (v.view, v.revision));
//!         match events.last() {
//!             // What is counted already is not counted again.
//!             Some(last) if last.version > count => Ok(context.save(&Change::new(&key, &last.version, revision)).await?),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! # use event_store::{Decider, Memory, contract::{Added, Command, Tally}};
//! # use ports::{ManualClock, MemoryViews};
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # let clock = ManualClock::at(envelope::Timestamp::from_millis(0));
//! # let (store, views) = (Memory::default(), MemoryViews::default());
//! let rebuild = Rebuild::new("counts", store, views, clock, MemoryCheckpoints::default());
//! let rebuilt = rebuild.segments(4).run::<Counts>(|progress| println!("{progress:?}")).await;
//! assert!(rebuilt.expect("nothing is broken").set_aside.is_empty());
//! # }
//! ```

mod checkpoint;
mod outcome;
mod pace;
mod page;
mod read_model;
mod run;

use std::num::NonZeroU32;

pub use checkpoint::{Checkpoint, Checkpoints, MemoryCheckpoints, Place, Standing};
pub use outcome::{Progress, RebuildError, Rebuilt, SetAside};
pub use read_model::{ApplyError, ReadModel, Rebuilding};

use ports::{Clock, LoadView, SaveView};

use crate::Scan;

/// How many segments are read side by side if nobody says otherwise.
const SEGMENTS: u32 = 4;

/// How many items a page has at most if nobody says otherwise: about a second of work, which is
/// what is done again after a crash.
const PAGE: u32 = 500;

/// What is done about a row that cannot be read, or an event in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnreadable {
    /// The rebuild ends with an error that names it. The checkpoint stays in front of it.
    #[default]
    Stop,
    /// It is reported at the end. The later commits of its stream are left out, too: a fold with a
    /// hole would be wrong without looking it. All other streams go on.
    SetAside,
}

/// How much may be read in a second. Pages are then read one at a time, so that the segments
/// together keep to it; it should pay for a page now and then, or the pages should be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Read capacity units.
    ReadUnits(NonZeroU32),
    /// Commits.
    Commits(NonZeroU32),
}

/// A rebuild that can be run: what it reads, where it writes, and how fast.
#[derive(Debug, Clone)]
pub struct Rebuild<S, V, C, K> {
    name: String,
    store: S,
    views: V,
    clock: C,
    checkpoints: K,
    segments: NonZeroU32,
    page: NonZeroU32,
    rate: Option<Rate>,
    on_unreadable: OnUnreadable,
    resume: bool,
}

impl<S, V, C, K> Rebuild<S, V, C, K>
where
    S: Scan,
    V: LoadView + SaveView,
    C: Clock,
    K: Checkpoints,
{
    /// A rebuild from this store into these views: 4 segments, pages of 500, as fast as it goes, from
    /// the beginning, and it stops at an unreadable row. Its checkpoints are kept under the name, so
    /// rebuilds of different models or into different places must have different names.
    pub fn new(name: impl Into<String>, store: S, views: V, clock: C, checkpoints: K) -> Self {
        Self {
            name: name.into(),
            store,
            views,
            clock,
            checkpoints,
            segments: NonZeroU32::new(SEGMENTS).expect("not zero"),
            page: NonZeroU32::new(PAGE).expect("not zero"),
            rate: None,
            on_unreadable: OnUnreadable::default(),
            resume: false,
        }
    }

    /// Reads so many segments side by side, at least 1. A resumed rebuild keeps the number that it
    /// began with, because places in a scan are places in one division of the table.
    #[must_use]
    pub fn segments(mut self, segments: u32) -> Self {
        self.segments = NonZeroU32::new(segments).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Reads so many items in a page, at least 1.
    #[must_use]
    pub fn page(mut self, items: u32) -> Self {
        self.page = NonZeroU32::new(items).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Reads no faster than this.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Does this about rows that cannot be read.
    #[must_use]
    pub fn on_unreadable(mut self, on_unreadable: OnUnreadable) -> Self {
        self.on_unreadable = on_unreadable;
        self
    }

    /// Goes on from the checkpoint, if there is one, instead of from the beginning.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Gives all events of the streams that concern the model to it, each stream's in order.
    /// `progress` is called after each page.
    ///
    /// Cancel-safe: dropped at any point, it can be resumed.
    ///
    /// # Errors
    /// [`RebuildError`]; after each of them the rebuild can be resumed.
    ///
    /// # Cost
    /// Half a read unit for each four kilobytes of the table, one request and one checkpoint for each
    /// page, and what the model does with each stream of a page.
    pub async fn run<M: ReadModel>(
        &self,
        progress: impl FnMut(&Progress) + Send,
    ) -> Result<Rebuilt, RebuildError> {
        run::run::<M, _, _, _, _>(self, progress).await
    }
}
