//! The handler of every projection: events of the bus into rows.
//!
//! The events of a batch that belong to one view are folded together. What goes wrong with one
//! stream is the business of that stream's events alone; the view is saved with all others in it.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use envelope::{Envelope, StreamId, UnreadableEvent, Version};
use event_store::{Load, envelopes_from};
use ports::{Clock, Consistency, LoadView, Retry, SaveView, SaveViewError};
use reaction::{Done, Failure, ReactTogether};

use crate::projection::part;
use crate::row::{Opened, Stopped};
use crate::{Nothing, Projection};

/// How many versions of a hole are read at once.
const PIECE: u64 = 1_000;

/// Keeps a projection.
pub struct Projector<P, S, V, C> {
    store: S,
    views: V,
    clock: C,
    projection: PhantomData<fn() -> P>,
}

impl<P, S: Clone, V: Clone, C: Clone> Clone for Projector<P, S, V, C> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            views: self.views.clone(),
            clock: self.clock.clone(),
            projection: PhantomData,
        }
    }
}

/// The store does not have (yet) what the bus has delivered.
#[derive(Debug, thiserror::Error)]
#[error("the store does not have all events up to the one that was delivered")]
struct StoreIsBehind;

/// An event before cannot be read, so nothing behind it can be folded.
#[derive(Debug, thiserror::Error)]
#[error("the event at version {version} of the stream cannot be folded")]
struct Blocked {
    version: Version,
    #[source]
    source: UnreadableEvent,
}

/// The event is none that the projection is folded from.
#[derive(Debug, thiserror::Error)]
#[error("no view is folded from the stream of this event")]
struct NoConcern;

/// What has become of a view.
struct Projected {
    /// For each stream that had events, how far it was folded before and is now.
    versions: BTreeMap<String, (Version, Version)>,
    /// Why the rest of a stream is not in the view.
    left: BTreeMap<String, Failure>,
}

impl Projected {
    fn answer(&self, event: &Envelope) -> Result<Done, Failure> {
        let kind = event.aggregate_type.as_str();
        let (before, now) = self.versions.get(kind).copied().unwrap_or_default();
        if event.version <= before {
            return Ok(Done::Duplicate);
        }
        match self.left.get(kind) {
            Some(failure) if event.version > now => Err(failure.clone()),
            _ => Ok(Done::Handled),
        }
    }
}

impl<P: Projection, S: Load, V: LoadView + SaveView, C: Clock> Projector<P, S, V, C> {
    /// A projector from the store into the views.
    pub fn new(store: S, views: V, clock: C) -> Self {
        Self {
            store,
            views,
            clock,
            projection: PhantomData,
        }
    }

    /// What the store has from a hole on, up to the newest that was delivered or to a piece's end.
    async fn missing(
        &self,
        stream: &StreamId,
        at: Version,
        delivered: Version,
    ) -> Result<Vec<Envelope>, Failure> {
        let (from, to) = (at.next(), delivered.min(at.plus(PIECE)));
        let commits = self
            .store
            .read(stream, from, to, Consistency::Strong)
            .await?;
        for commit in &commits {
            commit.whole()?;
        }
        Ok(envelopes_from(&commits, from))
    }

    /// Folds events of one view into its row of this layout.
    async fn project<Q: Projection>(
        &self,
        id: &str,
        mut streams: BTreeMap<StreamId, Vec<Envelope>>,
        seed: u64,
    ) -> Result<Projected, Failure> {
        // Where the last hole of a stream was that was filled, and why one could not be.
        let (mut filled, mut lost) = (BTreeMap::new(), BTreeMap::new());
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, seed);
        loop {
            let mut opened = Opened::<Q>::load(&self.views, id, consistency).await?;
            let (mut left, mut holes) = (BTreeMap::new(), Vec::new());
            for (stream, events) in &streams {
                let kind = stream.aggregate_type().to_owned();
                match opened.row.take_up::<Q>(stream, events) {
                    Ok(()) => {}
                    Err(Stopped::Hole { at }) => match lost.get(stream) {
                        Some(failure) => drop(left.insert(kind, Failure::clone(failure))),
                        // What was read begins where a row ended that may be outdated, and the newest
                        // one is no older: what is missing yet, the store has not.
                        None if filled.get(stream) >= Some(&at) => {
                            left.insert(kind, Failure::transient(StoreIsBehind));
                        }
                        None => holes.push((stream.clone(), at)),
                    },
                    Err(Stopped::Unreadable { version, source }) => {
                        left.insert(kind, Failure::terminal(Blocked { version, source }));
                    }
                }
            }
            // What a long hole has come to so far is saved, so that a next attempt goes on from there.
            let due = holes.is_empty() || !filled.is_empty();
            if due && opened.is_changed() {
                match opened.save(&self.views).await {
                    Ok(()) => {}
                    Err(SaveViewError::Conflict) => {
                        consistency = Consistency::Strong;
                        retry.lost().await?;
                        continue;
                    }
                    Err(SaveViewError::Unavailable(error)) => return Err(error.into()),
                }
                for (stream, events) in &mut streams {
                    let at = opened.row.version_of(stream.aggregate_type());
                    events.retain(|event| event.version > at);
                }
            }
            if holes.is_empty() {
                let versions = streams.keys().map(|stream| {
                    let kind = stream.aggregate_type();
                    let versions = (opened.version_before(kind), opened.row.version_of(kind));
                    (kind.to_owned(), versions)
                });
                return Ok(Projected {
                    versions: versions.collect(),
                    left,
                });
            }
            for (stream, at) in holes {
                let events = streams.entry(stream.clone()).or_default();
                let delivered = events.last().map_or(at, |event| event.version);
                match self.missing(&stream, at, delivered).await {
                    Ok(found) => {
                        // What was delivered in front of the hole is perhaps not in the view yet.
                        events.extend(found);
                        events.sort_by_key(|event| event.version);
                    }
                    Err(failure) => drop(lost.insert(stream.clone(), failure)),
                }
                filled.insert(stream, at);
            }
            consistency = Consistency::Strong;
        }
    }

    /// Folds events into the views of this layout; those that are none of its concern are done.
    async fn keep<Q: Projection>(&self, events: &[Envelope]) -> Vec<Result<Done, Failure>> {
        let mut answers = vec![Ok(Done::Duplicate); events.len()];
        let mut views = BTreeMap::<_, Vec<usize>>::new();
        for (index, event) in events.iter().enumerate() {
            let stream = event.stream().ok();
            if let Some(id) = stream.as_ref().and_then(Q::view_of) {
                views.entry(id.to_owned()).or_default().push(index);
            }
        }
        for (id, indices) in views {
            let mut streams = BTreeMap::<_, Vec<Envelope>>::new();
            for event in indices.iter().map(|index| &events[*index]) {
                if let Ok(stream) = event.stream() {
                    streams.entry(stream).or_default().push(event.clone());
                }
            }
            for events in streams.values_mut() {
                events.sort_by_key(|event| event.version);
            }
            let seed = part(&id);
            let projected = self.project::<Q>(&id, streams, seed).await;
            for index in indices {
                answers[index] = match &projected {
                    Ok(projected) => projected.answer(&events[index]),
                    Err(failure) => Err(failure.clone()),
                };
            }
        }
        answers
    }
}

impl<P: Projection, S: Load, V: LoadView + SaveView, C: Clock> ReactTogether
    for Projector<P, S, V, C>
{
    const NAME: &'static str = P::FUNCTION;
    const CONCURRENCY: usize = P::CONCURRENCY;

    fn key(&self, event: &Envelope) -> Option<String> {
        let stream = event.stream().ok()?;
        let id = P::view_of(&stream).or_else(|| P::Before::view_of(&stream));
        id.map(str::to_owned)
    }

    async fn react(&self, events: &[Envelope]) -> Vec<Result<Done, Failure>> {
        // The layout before goes first: it is the one that is read while the other is filled.
        let before = if P::Before::LAYOUT == Nothing::LAYOUT {
            vec![Ok(Done::Duplicate); events.len()]
        } else {
            self.keep::<P::Before>(events).await
        };
        let now = self.keep::<P>(events).await;
        let answers = events.iter().zip(before.into_iter().zip(now));
        let answer = |(event, (before, now))| match (before, now) {
            _ if self.key(event).is_none() => Err(Failure::terminal(NoConcern)),
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
            (Ok(Done::Duplicate), Ok(Done::Duplicate)) => Ok(Done::Duplicate),
            _ => Ok(Done::Handled),
        };
        answers.map(answer).collect()
    }
}
