//! Time travel: the state at a version or at a moment, and the events between two points.
//!
//! A moment is found by bisection over the versions, and there is no index by time: times never
//! decrease within a stream, so about log₂(n) reads of one commit find it, and a write costs nothing
//! more for it. A decider sees to the order: a commit's time is the clock's, or that of the commit
//! before where the clock shows less.

use std::ops::RangeInclusive;

use envelope::{Aggregate, Envelope, StreamId, Timestamp, Version};
use ports::{Clock, Consistency};

use crate::audit::without_holes;
use crate::{Commit, Decider, Entry, Folded, Load, LoadError, Loaded, UnreadableHistory};

impl<A: Aggregate, S: Load, C: Clock> Decider<A, S, C> {
    /// The state after the event at `version`, also where that is in the middle of a commit; at
    /// version 0 the state before the first event. `None` if the stream has not got that far, which
    /// is said only after a strongly consistent read.
    ///
    /// # Errors
    /// See [`LoadError`]. Events behind `version` do not matter, so a history that became unreadable
    /// later can still be looked at.
    ///
    /// # Cost
    /// One request and, where a state rides in one of the few commits up to `version`, half a read
    /// unit for each 4 KB of them. Without one, all commits from the newest state before it on; a
    /// snapshot that is an item of its own is no help. One more request, twice as dear, for `None`.
    pub async fn at_version(
        &self,
        id: &str,
        version: Version,
    ) -> Result<Option<Folded<A::State>>, LoadError> {
        self.reach(&A::stream(id)?, version).await
    }

    /// The state after the last commit whose time is not later than `time`, and `None` if there was
    /// none yet. For a moment that is not over the answer is that of now.
    ///
    /// A stream that something else wrote may have times that go back. The answer then is a commit
    /// not later than `time` that is the last one or is followed by a later one: with several of
    /// these always the same one, as long as nothing is appended.
    ///
    /// # Errors
    /// See [`LoadError`]. Events behind the moment do not matter.
    ///
    /// # Cost
    /// One strongly consistent load of the stream's end; if the moment is in there, that is all.
    /// Otherwise at most log₂(n) reads of one commit, at half a read unit for each 4 KB of it, and
    /// what [`at_version`](Self::at_version) costs: in all at most ⌈log₂(n)⌉ + 2 requests where states ride.
    pub async fn at_time(
        &self,
        id: &str,
        time: Timestamp,
    ) -> Result<Option<Folded<A::State>>, LoadError> {
        let stream = A::stream(id)?;
        let mut end = self.end(&stream).await?;
        let version = self.locate(&stream, &end, time).await?;
        if version == Version::ZERO {
            return Ok(None);
        }
        end.commits.retain(|commit| commit.first <= version);
        match Folded::of::<A>(&end, version) {
            Ok(folded) if folded.version == version => Ok(Some(folded)),
            // It is in front of what was loaded.
            _ => self.reach(&stream, version).await,
        }
    }

    /// The events with these versions in order, as far as there are any. They are all in memory at
    /// the same time, so a range should not span many megabytes.
    ///
    /// # Errors
    /// See [`LoadError`]; [`UnreadableHistory::Hole`] if one of them is missing in the middle.
    ///
    /// # Cost
    /// Strongly consistent: a read unit for each 4 KB of the commits that hold them. One request for
    /// a single version, otherwise two, and one more for each further megabyte.
    pub async fn between(
        &self,
        id: &str,
        versions: RangeInclusive<Version>,
    ) -> Result<Vec<Envelope>, LoadError> {
        self.events(&A::stream(id)?, versions).await
    }

    /// The events whose commits have these times, in order. In a stream with times that go back,
    /// those between the two points that [`at_time`](Self::at_time) finds.
    ///
    /// # Errors
    /// The same as those of [`between`](Self::between).
    ///
    /// # Cost
    /// That of [`between`](Self::between); before it one strongly consistent load of the stream's
    /// end and, for each of the two moments that is not in there, at most log₂(n) reads of one commit.
    pub async fn between_times(
        &self,
        id: &str,
        times: RangeInclusive<Timestamp>,
    ) -> Result<Vec<Envelope>, LoadError> {
        let stream = A::stream(id)?;
        let end = self.end(&stream).await?;
        let last = self.locate(&stream, &end, *times.end()).await?;
        let before = match times.start().as_millis() {
            0 => Version::ZERO,
            start => {
                let before = Timestamp::from_millis(start - 1);
                self.locate(&stream, &end, before).await?
            }
        };
        self.events(&stream, before.next()..=last).await
    }

    /// Who did what, when, and why: the events with these versions in order, without their data.
    ///
    /// # Errors
    /// The same as those of [`between`](Self::between).
    ///
    /// # Cost
    /// That of [`between`](Self::between).
    pub async fn audit(
        &self,
        id: &str,
        versions: RangeInclusive<Version>,
    ) -> Result<Vec<Entry>, LoadError> {
        let commits = self.range(&A::stream(id)?, &versions).await?;
        Ok(Entry::of(&commits, &versions)?)
    }

    /// The state after exactly so many events.
    async fn reach(
        &self,
        stream: &StreamId,
        version: Version,
    ) -> Result<Option<Folded<A::State>>, LoadError> {
        if version == Version::ZERO {
            return Ok(Some(Folded::default()));
        }
        // What an eventually consistent read shows of the past stays true; what it does not show is
        // perhaps only not there yet.
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let folded = self.fold(stream, version, consistency).await?;
            if folded.version == version {
                return Ok(Some(folded));
            }
        }
        Ok(None)
    }

    async fn end(&self, stream: &StreamId) -> Result<Loaded, LoadError> {
        Ok(self
            .loaded(stream, Version::MAX, Consistency::Strong)
            .await?)
    }

    /// Version of the last event that is not later than `time`; 0 if there is none.
    async fn locate(
        &self,
        stream: &StreamId,
        end: &Loaded,
        time: Timestamp,
    ) -> Result<Version, LoadError> {
        let not_later = |commit: &&Commit| commit.time <= time;
        if let Some(commit) = end.commits.iter().rev().find(not_later) {
            return Ok(commit.last());
        }
        let snapshot = end.snapshot.as_ref();
        let saved = snapshot.map_or(0, |snapshot| snapshot.version.get());
        // The event at `reached` is not later (or is none), the one behind `limit` is (or is none).
        let mut limit = match end.commits.first() {
            Some(commit) => commit.first.get() - 1,
            None => saved,
        };
        let mut reached = match snapshot {
            Some(snapshot) if snapshot.time <= time => saved.min(limit),
            _ => 0,
        };
        while reached < limit {
            let middle = Version::new(reached + (limit - reached).div_ceil(2));
            let Some(commit) = self.holding(stream, middle).await? else {
                let found = Version::new(limit).next();
                let (stream, version) = (stream.to_string(), Version::new(reached));
                return Err(UnreadableHistory::Hole {
                    stream,
                    version,
                    found,
                }
                .into());
            };
            if commit.time <= time {
                reached = commit.last().get();
            } else {
                limit = commit.first.get() - 1;
            }
        }
        Ok(Version::new(reached))
    }

    async fn holding(
        &self,
        stream: &StreamId,
        version: Version,
    ) -> Result<Option<Commit>, LoadError> {
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let mut found = self.commits(stream, version, version, consistency).await?;
            if let Some(commit) = found.pop() {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// The commits that hold these versions, without a hole.
    async fn range(
        &self,
        stream: &StreamId,
        versions: &RangeInclusive<Version>,
    ) -> Result<Vec<Commit>, LoadError> {
        if versions.is_empty() || *versions.end() == Version::ZERO {
            return Ok(Vec::new());
        }
        let (from, to) = (*versions.start(), *versions.end());
        let commits = self.commits(stream, from, to, Consistency::Strong).await?;
        without_holes(&commits, from)?;
        Ok(commits)
    }

    async fn events(
        &self,
        stream: &StreamId,
        versions: RangeInclusive<Version>,
    ) -> Result<Vec<Envelope>, LoadError> {
        let commits = self.range(stream, &versions).await?;
        for commit in &commits {
            commit.whole()?;
        }
        let events = commits.iter().flat_map(Commit::envelopes);
        Ok(events
            .filter(|event| versions.contains(&event.version))
            .collect())
    }
}
