//! The handler of every projection: events of the bus into rows.
//!
//! The events of a batch that belong to one view are folded together. What goes wrong with one
//! stream is the business of that stream's events alone; the view is saved with all others in it.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use envelope::{Envelope, StreamId, UnreadableEvent, Version};
use event_store::{Load, envelopes_from};
use ports::{Clock, Consistency, LoadView, Retry, SaveView, SaveViewError};
use reaction::{Done, Failure, ReactTogether};

use crate::row::{Opened, Stopped};
use crate::{Nothing, Projection};

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

/// Why a stream's events are not in the view.
enum Left {
    StoreIsBehind,
    Unreadable {
        version: Version,
        source: UnreadableEvent,
    },
}

impl Left {
    fn failure(&self) -> Failure {
        match self {
            Self::StoreIsBehind => Failure::transient(StoreIsBehind),
            Self::Unreadable { version, source } => Failure::terminal(Blocked {
                version: *version,
                source: source.clone(),
            }),
        }
    }
}

/// What has become of a view.
struct Projected {
    /// For each stream that had events, how far it was folded before and is now.
    versions: BTreeMap<String, (Version, Version)>,
    left: BTreeMap<String, Left>,
}

impl Projected {
    fn answer(&self, event: &Envelope) -> Result<Done, Failure> {
        let kind = event.aggregate_type.as_str();
        let (before, now) = self.versions.get(kind).copied().unwrap_or_default();
        if event.version <= before {
            return Ok(Done::Duplicate);
        }
        match self.left.get(kind) {
            Some(left) if event.version > now => Err(left.failure()),
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

    /// What the store has from a hole on.
    async fn missing(&self, stream: &StreamId, at: Version) -> Result<Vec<Envelope>, Failure> {
        let from = at.next();
        let commits = self
            .store
            .read(stream, from, Version::MAX, Consistency::Strong)
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
        let mut filled = BTreeSet::new();
        let mut consistency = Consistency::Eventual;
        let mut retry = Retry::new(&self.clock, seed);
        loop {
            let mut opened = Opened::<Q>::load(&self.views, id, consistency).await?;
            let (mut left, mut holes) = (BTreeMap::new(), Vec::new());
            for (stream, events) in &streams {
                let kind = stream.aggregate_type().to_owned();
                match opened.row.take_up::<Q>(stream, events) {
                    Ok(()) => {}
                    // What was read begins where a row ended that may be outdated, and the newest one
                    // is no older: what is missing yet, the store has not.
                    Err(Stopped::Hole { .. }) if filled.contains(stream) => {
                        left.insert(kind, Left::StoreIsBehind);
                    }
                    Err(Stopped::Hole { at }) => holes.push((stream.clone(), at)),
                    Err(Stopped::Unreadable { version, source }) => {
                        left.insert(kind, Left::Unreadable { version, source });
                    }
                }
            }
            if !holes.is_empty() {
                for (stream, at) in holes {
                    let found = self.missing(&stream, at).await?;
                    let events = streams.entry(stream.clone()).or_default();
                    // What was delivered in front of the hole is not in the view yet.
                    events.extend(found);
                    events.sort_by_key(|event| event.version);
                    filled.insert(stream);
                }
                consistency = Consistency::Strong;
                continue;
            }
            if opened.is_changed() {
                match opened.save(&self.views).await {
                    Ok(()) => {}
                    Err(SaveViewError::Conflict) => {
                        consistency = Consistency::Strong;
                        retry.lost().await?;
                        continue;
                    }
                    Err(SaveViewError::Unavailable(error)) => return Err(error.into()),
                }
            }
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
    }

    async fn keep<Q: Projection>(
        &self,
        id: &str,
        events: &[Envelope],
    ) -> Vec<Result<Done, Failure>> {
        let mut streams = BTreeMap::<_, Vec<Envelope>>::new();
        for event in events {
            match event.stream() {
                Ok(stream) => streams.entry(stream).or_default().push(event.clone()),
                Err(_) => {
                    return events
                        .iter()
                        .map(|_| Err(Failure::terminal(NoConcern)))
                        .collect();
                }
            }
        }
        for events in streams.values_mut() {
            events.sort_by_key(|event| event.version);
        }
        let seed = events
            .first()
            .map_or(0, |event| event.timestamp.as_millis().unsigned_abs());
        match self.project::<Q>(id, streams, seed).await {
            Ok(projected) => events.iter().map(|event| projected.answer(event)).collect(),
            Err(failure) => vec![Err(failure); events.len()],
        }
    }
}

impl<P: Projection, S: Load, V: LoadView + SaveView, C: Clock> ReactTogether
    for Projector<P, S, V, C>
{
    const NAME: &'static str = P::FUNCTION;

    fn key(&self, event: &Envelope) -> Option<String> {
        let stream = event.stream().ok()?;
        P::view_of(&stream).map(str::to_owned)
    }

    async fn react(&self, events: &[Envelope]) -> Vec<Result<Done, Failure>> {
        let id = events.first().and_then(|event| self.key(event));
        let Some(id) = id else {
            let refused = events.iter().map(|_| Err(Failure::terminal(NoConcern)));
            return refused.collect();
        };
        let mut answers = self.keep::<P>(&id, events).await;
        if P::Before::LAYOUT != Nothing::LAYOUT {
            let before = self.keep::<P::Before>(&id, events).await;
            for (answer, before) in answers.iter_mut().zip(before) {
                // The worse of the two, so that nothing is left out of either.
                if answer.is_ok() {
                    *answer = before;
                }
            }
        }
        answers
    }
}
