//! What a user writes: a fold, and where its result stands.

use std::collections::BTreeMap;
use std::fmt::Debug;

use envelope::{Envelope, StreamId, UnreadableEvent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A place in a list of views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The list, for example a customer's id.
    pub list: String,
    /// What the view is ordered by there, unlike that of any other view in the list.
    pub place: String,
}

/// What a view stands for in a total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// The list that the total is in, for example a day.
    pub list: String,
    /// The total in the list, for example an hour.
    pub place: String,
    /// Its amounts by name.
    pub amounts: BTreeMap<String, i64>,
}

/// A read model: a pure fold of events into views.
///
/// It is a type without a value, so that there is nothing that it could act on but events.
pub trait Projection: Debug + Send + Sync + 'static {
    /// Name of the read model.
    const NAME: &'static str;
    /// Name of the function that keeps it.
    const FUNCTION: &'static str;
    /// Version of the view's shape and of the fold, from 1. Views of different layouts lie side by
    /// side; a new one is built beside the old, and queries go over to it when it is complete.
    const LAYOUT: u32;

    /// How many views of a batch are in work at the same time: 1 where they add to the same totals.
    const CONCURRENCY: usize = 10;

    /// The layout that this one replaces, as long as there are views of it; [`Nothing`] if none.
    type Before: Projection;
    /// The view.
    type View: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static;

    /// Id of the view that a stream is folded into; `None` for a stream that is none of its concern.
    /// Several streams may share a view, if no two of them are of one type.
    fn view_of(stream: &StreamId) -> Option<&str>;

    /// The view before any event.
    fn new(id: &str) -> Self::View;

    /// Folds the next event of one of the view's streams into it. Streams get ahead of each other, so
    /// the result must not depend on how they interleave.
    ///
    /// # Errors
    /// [`UnreadableEvent`] for an event that it does not know or cannot read; the view is then as it was.
    fn fold(view: &mut Self::View, event: &Envelope) -> Result<(), UnreadableEvent>;

    /// Where the view stands, if it is in a list.
    fn place(view: &Self::View) -> Option<Place> {
        let _ = view;
        None
    }

    /// What the view stands for in totals. The kit adds what has changed since the view was last
    /// saved, in the same write, so that a total is always that of the views.
    fn amounts(view: &Self::View) -> Vec<Amounts> {
        let _ = view;
        Vec::new()
    }

    /// A view of the layout before as one of this, for queries until this one is complete.
    fn upgrade(before: <Self::Before as Projection>::View) -> Self::View;
}

/// No projection: what comes before a first layout. It has no view, and is folded from nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Nothing {}

impl Projection for Nothing {
    const NAME: &'static str = "nothing";
    const FUNCTION: &'static str = "nothing";
    const LAYOUT: u32 = 0;

    type Before = Self;
    type View = Self;

    fn view_of(_: &StreamId) -> Option<&str> {
        None
    }

    fn new(id: &str) -> Self {
        unreachable!("no stream belongs to it, and {id} is asked for")
    }

    fn fold(view: &mut Self, _: &Envelope) -> Result<(), UnreadableEvent> {
        match *view {}
    }

    fn upgrade(before: Self) -> Self {
        before
    }
}

/// Into how many parts a total is divided, so that not all writers meet in one item.
const PARTS: u64 = 8;

/// The part of totals that a view adds to: always the same for the same view.
pub(crate) fn part(view: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    view.hash(&mut hasher);
    hasher.finish() % PARTS
}

/// The key of a view, a list or a total of this projection.
pub(crate) fn key<P: Projection>(name: &str) -> String {
    format!("{}@{}#{name}", P::NAME, P::LAYOUT)
}

/// The id of the view that a projection keeps under this key; `None` for the key of anything else,
/// the view of another layout included.
#[must_use]
pub fn view_in<P: Projection>(key: &str) -> Option<&str> {
    key.strip_prefix(&self::key::<P>(""))
}
