//! The store in memory. It checks every condition that a table checks; a fake that does not is a bug.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use envelope::{CommitId, StreamId, Version};
use ports::{Consistency, Soon, Unavailable};

use crate::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, Cursor, ITEM_BYTES_MAX, Load,
    Loaded, ReadError, SaveSnapshot, SaveSnapshotError, Scan, ScanPage, Snapshot, check_size,
    check_transaction, read_units, scan::segment_of,
};

/// Streams in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    streams: BTreeMap<StreamId, BTreeMap<Version, Commit>>,
    snapshots: BTreeMap<StreamId, Snapshot>,
    claims: HashMap<String, String>,
    log: Vec<Commit>,
}

impl Memory {
    /// Every commit in the order in which it was stored, from the one at `index` on: what a change
    /// stream would deliver.
    ///
    /// # Panics
    /// If another user panicked.
    #[must_use]
    pub fn log_from(&self, index: usize) -> Vec<Commit> {
        self.0
            .lock()
            .expect("no user panicked")
            .log
            .iter()
            .skip(index)
            .cloned()
            .collect()
    }
}

impl Tables {
    fn check(&self, commit: &Commit) -> Result<(), AppendError> {
        check_size(commit)?;
        match self
            .streams
            .get(&commit.stream)
            .and_then(|stream| stream.get(&commit.first))
        {
            Some(winner) => Err(AppendError::Conflict(Box::new(winner.clone()))),
            None => Ok(()),
        }
    }

    fn insert(&mut self, commit: &Commit) {
        let stream = self.streams.entry(commit.stream.clone()).or_default();
        stream.insert(commit.first, commit.clone());
        self.log.push(commit.clone());
    }
}

impl Load for Memory {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        _: Consistency,
    ) -> Result<Loaded, ReadError> {
        let tables = self.0.lock().expect("no user panicked");
        let snapshot = tables
            .snapshots
            .get(stream)
            .filter(|snapshot| until == Version::MAX && snapshot.carried.layout == layout);
        let mut commits = Vec::new();
        let stored = tables.streams.get(stream).into_iter();
        for commit in stored.flat_map(|stored| stored.range(..=until)).rev() {
            if snapshot.is_some_and(|snapshot| commit.1.last() <= snapshot.version) {
                break;
            }
            commits.push(commit.1.clone());
            if commit.1.carries(layout, until) {
                break;
            }
        }
        commits.reverse();
        Ok(Loaded {
            snapshot: snapshot.cloned(),
            commits,
        })
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        _: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        let tables = self.0.lock().expect("no user panicked");
        let stored = tables.streams.get(stream).into_iter();
        let until = stored.flat_map(|stored| stored.range(..=to).map(|(_, commit)| commit));
        Ok(until
            .filter(|commit| commit.last() >= from)
            .cloned()
            .collect())
    }
}

impl SaveSnapshot for Memory {
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<bool, SaveSnapshotError> {
        let bytes = snapshot.item_bytes(stream);
        if bytes > ITEM_BYTES_MAX {
            let max = ITEM_BYTES_MAX;
            return Err(SaveSnapshotError::TooLarge { bytes, max });
        }
        let mut tables = self.0.lock().expect("no user panicked");
        let newer = tables.snapshots.get(stream).is_some_and(|there| {
            there.carried.layout == snapshot.carried.layout && there.version >= snapshot.version
        });
        if !newer {
            tables.snapshots.insert(stream.clone(), snapshot.clone());
        }
        Ok(!newer)
    }
}

impl Append for Memory {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        let mut tables = self.0.lock().expect("no user panicked");
        tables.check(commit)?;
        tables.insert(commit);
        Ok(())
    }
}

impl AppendAll for Memory {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        check_transaction(commits, claim.is_some())?;
        let places: HashSet<_> = commits
            .iter()
            .map(|commit| (&commit.stream, commit.first))
            .collect();
        if places.len() < commits.len() {
            let why = "a transaction cannot have two commits in one place";
            return Err(AppendError::from(Unavailable::new("memory:append_all", why)).into());
        }
        let mut tables = self.0.lock().expect("no user panicked");
        let mut winners = Vec::new();
        for commit in commits {
            match tables.check(commit) {
                Ok(()) => {}
                Err(AppendError::Conflict(winner)) => winners.push(*winner),
                Err(other) => return Err(other.into()),
            }
        }
        if claim.is_some_and(|claim| tables.claims.contains_key(claim.id.as_str())) {
            return Err(AppendAllError::Claimed);
        }
        if !winners.is_empty() {
            return Err(AppendAllError::Conflict(winners));
        }
        for commit in commits {
            tables.insert(commit);
        }
        tables
            .claims
            .extend(claim.map(|claim| (claim.id.as_str().to_owned(), claim.note.clone())));
        Ok(())
    }

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        let tables = self.0.lock().expect("no user panicked");
        Ok(tables.claims.get(claim.as_str()).cloned())
    }
}

impl Scan for Memory {
    async fn scan(
        &self,
        segment: u32,
        segments: u32,
        from: Option<&Cursor>,
        commits_max: u32,
    ) -> Result<ScanPage, Unavailable> {
        let wrong = |what| Unavailable::new("memory:scan", what).again(Soon::Unlikely);
        if segment >= segments || commits_max == 0 {
            return Err(wrong("there is no such segment, or no room on the page"));
        }
        let from = from.map(|cursor| {
            let (stream, version) = cursor.item()?;
            Some((StreamId::parse(stream).ok()?, Version::new(version)))
        });
        let from = match from {
            Some(None) => return Err(wrong("no store has made this cursor")),
            Some(place) => place,
            None => None,
        };
        let tables = self.0.lock().expect("no user panicked");
        let streams = tables
            .streams
            .iter()
            .filter(|(stream, _)| segment_of(stream, segments) == segment)
            .flat_map(|(_, commits)| commits.values());
        let behind = streams.filter(|commit| {
            from.as_ref()
                .is_none_or(|(stream, version)| (&commit.stream, commit.first) > (stream, *version))
        });
        let commits: Vec<_> = behind.take(commits_max as usize).cloned().collect();
        let full = commits.len() == commits_max as usize;
        let last = commits.last().filter(|_| full);
        Ok(ScanPage {
            next: last.map(|last| Cursor::behind(&last.stream.to_string(), last.first.get())),
            read_units: read_units(commits.iter().map(Commit::item_bytes).sum()),
            commits: commits.into_iter().map(Ok).collect(),
        })
    }

    async fn estimate(&self) -> Option<u64> {
        let tables = self.0.lock().expect("no user panicked");
        let commits: usize = tables.streams.values().map(BTreeMap::len).sum();
        u64::try_from(commits).ok()
    }
}
