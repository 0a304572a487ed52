//! A store that remembers what was stored in it: the change stream of a table that has none here.

use std::sync::{Arc, Mutex};

use adapter_dynamodb::EventStore;
use envelope::{CommitId, StreamId, Version};
use event_store::{
    Append, AppendAll, AppendAllError, AppendError, Claim, Commit, Load, Loaded, ReadError,
};
use ports::Consistency;

#[derive(Clone)]
pub(crate) struct Logged {
    store: EventStore,
    log: Arc<Mutex<Vec<Commit>>>,
}

impl Logged {
    pub(crate) fn new(store: EventStore) -> Self {
        let log = Arc::default();
        Self { store, log }
    }

    /// What was stored since the last call.
    pub(crate) fn take(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.log.lock().expect("no user panicked"))
    }

    fn note(&self, commits: &[Commit]) {
        let mut log = self.log.lock().expect("no user panicked");
        log.extend(commits.iter().cloned());
    }
}

impl Load for Logged {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        self.store.load(stream, layout, until, consistency).await
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.store.read(stream, from, to, consistency).await
    }
}

impl Append for Logged {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.store.append(commit).await?;
        self.note(std::slice::from_ref(commit));
        Ok(())
    }
}

impl AppendAll for Logged {
    async fn append_all(
        &self,
        commits: &[Commit],
        claim: Option<&Claim>,
    ) -> Result<(), AppendAllError> {
        self.store.append_all(commits, claim).await?;
        self.note(commits);
        Ok(())
    }

    async fn note_of(&self, claim: &CommitId) -> Result<Option<String>, ReadError> {
        self.store.note_of(claim).await
    }
}
