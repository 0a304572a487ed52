//! cqrs-es's persistence trait on the event store's port.
//!
//! All reads are strongly consistent, at twice the price of eventual ones: the framework decides a
//! refusal on what it reads, and gives the repository no second look before it tells the caller.

use cqrs_es::Aggregate;
use cqrs_es::persist::{
    EventUpcaster, PersistedEventRepository, PersistenceError, ReplayFeed, ReplayStream,
    SerializedEvent, SerializedSnapshot,
};
use envelope::{StreamId, Version};
use event_store::{Append, AppendError, Commit, Load, Loaded, ReadError, SaveSnapshot, Scan};
use ports::{Clock, Consistency, Deadline, Ids, RandomIds, SystemClock};
use serde_json::{Value, json};

use crate::known::{Known, Streams};
use crate::state::{Folded, States, Unfoldable};
use crate::{RepositoryError, record};

/// Events of cqrs-es aggregates in an event store. Clones share the store and what is remembered.
///
/// Requests that fail for a reason that may pass are repeated under the [`Deadline`] around the
/// caller; without one they are made once.
///
/// # Errors
/// Every call fails with one of cqrs-es's errors. But for a lost race, which has none, the box in it
/// holds a [`RepositoryError`].
#[derive(Clone)]
pub struct Repository<S> {
    store: S,
    states: Option<States>,
    streams: Streams,
}

impl<S> Repository<S> {
    /// A repository that keeps events alone: every load folds all of them, also in a framework that
    /// was made with snapshots.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store,
            states: None,
            streams: Streams::new(),
        }
    }

    /// The same, with states that ride along with the events, so that a load reads one or two
    /// commits. The states are folded here, and the framework's own upcasters are out of sight:
    /// give the same ones here. An event that is, after them, still of another type or version than
    /// the aggregate would write today is left to the framework, and the stream loaded as a whole.
    ///
    /// A state must come back from JSON as it was, and `apply` must depend on state and event alone.
    #[must_use]
    pub fn carrying_states(self, upcasters: Vec<Box<dyn EventUpcaster>>) -> Self {
        Self {
            states: Some(States::new(upcasters)),
            ..self
        }
    }

    /// Sets the revision of the states' layout, 0 if it was never set. Stored states of another one
    /// are ignored and folded anew. A field that comes or goes is noticed without it, if it shows in
    /// the default state's JSON; raise it for any other change, and when `apply` changes.
    #[must_use]
    pub fn at_revision(self, revision: u32) -> Self {
        Self {
            states: self.states.map(|states| states.at_revision(revision)),
            ..self
        }
    }
}

impl<S: Load + Append + SaveSnapshot + Scan> Repository<S> {
    /// How the aggregate's states are folded, if they are.
    fn with_layout<A: Aggregate>(&self) -> Option<(&States, u32)> {
        let states = self.states.as_ref()?;
        Some((states, states.layout::<A>()?))
    }

    async fn load(&self, stream: &StreamId, layout: u32) -> Result<Loaded, RepositoryError> {
        let (until, strong) = (Version::MAX, Consistency::Strong);
        let request = || self.store.load(stream, layout, until, strong);
        Ok(Deadline::persist(&SystemClock, seed(), request).await?)
    }

    async fn read(&self, stream: &StreamId, from: Version) -> Result<Vec<Commit>, RepositoryError> {
        let (until, strong) = (Version::MAX, Consistency::Strong);
        let request = || self.store.read(stream, from, until, strong);
        let commits = Deadline::persist(&SystemClock, seed(), request).await?;
        if let Some(last) = commits.last() {
            self.streams.put(stream, Known::end_of(last));
        }
        Ok(commits)
    }

    /// The events behind a version, in order and without a hole.
    async fn events_behind(
        &self,
        stream: &StreamId,
        version: Version,
    ) -> Result<Vec<SerializedEvent>, RepositoryError> {
        events_behind(&self.read(stream, version.next()).await?, version)
    }

    async fn fold<A: Aggregate>(
        &self,
        states: &States,
        layout: u32,
        stream: &StreamId,
    ) -> Result<Folded<A>, Unfoldable> {
        let loaded = self.load(stream, layout).await;
        let folded = states.fold(layout, &loaded.map_err(Unfoldable::Broken)?);
        let Err(Unfoldable::Hole(_)) = folded else {
            return folded;
        };
        // The state that the load stopped at cannot be read. All the events can, or there is a hole.
        let commits = self.read(stream, Version::ZERO).await;
        let all = Loaded {
            snapshot: None,
            commits: commits.map_err(Unfoldable::Broken)?,
        };
        states.fold(layout, &all)
    }

    async fn append(&self, commit: &Commit) -> Result<(), RepositoryError> {
        let request = || self.store.append(commit);
        let result = Deadline::persist(&SystemClock, seed(), request).await;
        match result {
            // An earlier answer was lost, and this very commit is what took the place.
            Err(AppendError::Conflict(winner))
                if winner.commit_id == commit.commit_id && winner.events == commit.events =>
            {
                Ok(())
            }
            result => result.map_err(RepositoryError::Append),
        }
    }
}

fn stream<A: Aggregate>(aggregate_id: &str) -> Result<StreamId, RepositoryError> {
    Ok(StreamId::new(A::TYPE, aggregate_id)?)
}

/// Tells apart those who wait at the same time.
fn seed() -> u64 {
    RandomIds.next().as_u64_pair().1
}

fn events_behind(
    commits: &[Commit],
    version: Version,
) -> Result<Vec<SerializedEvent>, RepositoryError> {
    let (mut events, mut reached) = (Vec::new(), version);
    for commit in commits.iter().filter(|commit| commit.last() > version) {
        if commit.first > reached.next() {
            return Err(RepositoryError::Hole {
                stream: commit.stream.to_string(),
                version: reached,
                found: commit.first,
            });
        }
        // A commit that straddles the version is taken from there on.
        let behind = reached.get() + 1 - commit.first.get();
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        events.extend(record::events(commit)?.into_iter().skip(behind));
        reached = commit.last();
    }
    Ok(events)
}

/// An answer that makes the framework fold the events. "There is no snapshot" would not: a framework
/// made with an aggregate store takes it for "there is no aggregate". A state that it cannot read
/// makes it fold them in every mode, which is what it does when a layout has changed.
fn no_state<A: Aggregate>(aggregate_id: &str) -> Result<SerializedSnapshot, RepositoryError> {
    let unreadable = [Value::Null, json!(true), json!(""), json!([])]
        .into_iter()
        .find(|json| serde_json::from_value::<A>(json.clone()).is_err());
    Ok(SerializedSnapshot {
        aggregate_id: aggregate_id.to_owned(),
        aggregate: unreadable.ok_or(RepositoryError::Formless(A::TYPE))?,
        current_sequence: 0,
        current_snapshot: 0,
    })
}

impl<S: Load + Append + SaveSnapshot + Scan> PersistedEventRepository for Repository<S> {
    /// All events, from every page, in order.
    ///
    /// # Cost
    /// One request for each megabyte, and a read unit for each 4 KB.
    async fn get_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let stream = stream::<A>(aggregate_id)?;
        Ok(self.events_behind(&stream, Version::ZERO).await?)
    }

    /// The events behind `last_sequence`.
    ///
    /// # Cost
    /// With states one request, if what it loads reaches back as far. Otherwise, and without states,
    /// up to two for the events, and one for each further megabyte. A read unit for each 4 KB.
    async fn get_last_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let stream = stream::<A>(aggregate_id)?;
        let version = Version::new(last_sequence as u64);
        let states = self.with_layout::<A>();
        if let Some((_, layout)) = states.filter(|_| version > Version::ZERO) {
            let loaded = self.load(&stream, layout).await?;
            let saved = loaded.snapshot.map_or(Version::ZERO, |saved| saved.version);
            let start = loaded.commits.first();
            if start.map_or(saved, |start| Version::new(start.first.get() - 1)) <= version {
                return Ok(events_behind(&loaded.commits, version)?);
            }
        }
        Ok(self.events_behind(&stream, version).await?)
    }

    /// The state at the end of the stream, folded here; `None` for a stream without events.
    ///
    /// # Cost
    /// With states one load, most often one request, and a read unit for each 4 KB; without, none.
    async fn get_snapshot<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        let states = self.states.as_ref();
        let Some((states, layout)) =
            states.and_then(|states| Some((states, states.layout::<A>()?)))
        else {
            return Ok(Some(no_state::<A>(aggregate_id)?));
        };
        let stream = stream::<A>(aggregate_id)?;
        let folded = match self.fold::<A>(states, layout, &stream).await {
            Ok(folded) if folded.version == Version::ZERO => return Ok(None),
            Ok(folded) => folded,
            Err(Unfoldable::Foreign) => return Ok(Some(no_state::<A>(aggregate_id)?)),
            Err(Unfoldable::Hole(error) | Unfoldable::Broken(error)) => return Err(error.into()),
        };
        let (known, aggregate) = (
            folded.known(layout),
            serde_json::to_value(&folded.aggregate),
        );
        let (Some(known), Ok(aggregate)) = (known, aggregate) else {
            return Ok(Some(no_state::<A>(aggregate_id)?));
        };
        self.streams.put(&stream, known);
        let sequence = usize::try_from(folded.version.get()).unwrap_or(usize::MAX);
        Ok(Some(SerializedSnapshot {
            aggregate_id: aggregate_id.to_owned(),
            aggregate,
            current_sequence: sequence,
            current_snapshot: sequence,
        }))
    }

    /// Stores the events as one commit: all or none. The framework's state is not looked at.
    ///
    /// # Cost
    /// One request, and a write unit for each kilobyte; one request more when a state over 32 KB is
    /// due to be saved on its own.
    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        _snapshot_update: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut commit = record::commit(A::TYPE, events, SystemClock.now())?;
        let before = self.streams.before(&commit);
        let before = before.unwrap_or_else(Known::nothing);
        if before.has_seen(&commit.commit_id) {
            let id = commit.commit_id.as_str().to_owned();
            return Err(RepositoryError::Duplicate(id).into());
        }
        commit.time = commit.time.max(before.time);
        let advanced = self.with_layout::<A>().and_then(|(states, layout)| {
            let follows = before.version.next() == commit.first;
            let advance = || states.advance::<A>(layout, &before, &mut commit, events);
            follows.then(advance).flatten()
        });
        self.append(&commit).await?;
        let (mut known, snapshot) = advanced.unwrap_or_else(|| (Known::end_of(&commit), None));
        if let Some(snapshot) = snapshot {
            // The events are the truth. A snapshot that is not saved is due again with the next commit.
            let saved = self.store.save_snapshot(&commit.stream, &snapshot).await;
            if let (Ok(_), Some(state)) = (saved, &mut known.state) {
                state.tail_bytes = 0;
            }
        }
        self.streams.put(&commit.stream, known);
        Ok(())
    }

    /// The same events as [`get_events`](Self::get_events), at the same cost. They are all read before
    /// the first one is given out, so that a row that cannot be read fails the call, and no query sees
    /// half a stream.
    async fn stream_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        let events = self.get_events::<A>(aggregate_id).await?;
        let (mut feed, stream) = ReplayStream::new(events.len().max(1));
        for event in events {
            feed.push(Ok(event)).await?;
        }
        Ok(stream)
    }

    /// The events of all aggregates of this type, each aggregate's in order, from a scan of the
    /// whole table, whatever else is in it. What cannot be read ends the stream with an error.
    ///
    /// # Cost
    /// Half a read unit for each 4 KB of the whole table, in requests of up to 1,000 items or a megabyte.
    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        let (feed, stream) = ReplayStream::new(EVENTS_AHEAD);
        tokio::spawn(feed_all(self.store.clone(), A::TYPE, feed));
        Ok(stream)
    }
}

/// How many events are read ahead of the one who replays them.
const EVENTS_AHEAD: usize = 1_000;

/// How many items one request of a scan asks for; a page ends at a megabyte anyway.
const PAGE: u32 = 1_000;

/// Feeds the events of all aggregates of one type, until there are no more, one cannot be read, or
/// nobody takes them any more.
async fn feed_all<S: Scan>(store: S, aggregate_type: &str, mut feed: ReplayFeed) {
    let mut from = None;
    loop {
        let scan = || store.scan(0, 1, from.as_ref(), PAGE);
        let page = match Deadline::persist(&SystemClock, seed(), scan).await {
            Ok(page) => page,
            Err(error) => {
                let error = RepositoryError::Read(error.into());
                let _ = feed.push(Err(error.into())).await;
                return;
            }
        };
        for commit in page.commits {
            let events = match commit {
                Ok(commit) if commit.stream.aggregate_type() != aggregate_type => continue,
                Ok(commit) => record::events(&commit),
                Err(error) if is_of_another(&error, aggregate_type) => continue,
                Err(error) => Err(error.into()),
            };
            let events = match events {
                Ok(events) => events,
                Err(error) => {
                    let _ = feed.push(Err(error.into())).await;
                    return;
                }
            };
            for event in events {
                if feed.push(Ok(event)).await.is_err() {
                    return;
                }
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return,
        }
    }
}

/// Whether a row that cannot be read is known to be of another type of aggregate.
fn is_of_another(error: &ReadError, aggregate_type: &str) -> bool {
    match error {
        ReadError::Corrupt { stream, .. } => stream
            .split_once('#')
            .is_some_and(|(of, _)| of != aggregate_type),
        ReadError::Unavailable(_) => false,
    }
}
