//! A store under a process that dies while it writes: its call never returns, and whoever waits for it
//! is dropped.

use std::sync::{Arc, Mutex};

use envelope::{StreamId, Version};
use event_store::{Append, AppendError, Commit, Load, Loaded, Memory, ReadError};
use ports::Consistency;

use super::Crash;

#[derive(Clone)]
pub(super) struct Fragile {
    store: Memory,
    crash: Arc<Mutex<Crash>>,
}

impl Fragile {
    pub(super) fn new(store: Memory) -> Self {
        let crash = Arc::new(Mutex::new(Crash::None));
        Self { store, crash }
    }

    /// The next write is the last.
    pub(super) fn crash(&self, crash: Crash) {
        *self.crash.lock().expect("no user panicked") = crash;
    }

    fn taken(&self) -> Crash {
        let mut crash = self.crash.lock().expect("no user panicked");
        std::mem::replace(&mut *crash, Crash::None)
    }
}

impl Load for Fragile {
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

impl Append for Fragile {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        match self.taken() {
            Crash::None => self.store.append(commit).await,
            Crash::BeforeStoring => futures::future::pending().await,
            Crash::AfterStoring => {
                self.store.append(commit).await?;
                futures::future::pending().await
            }
        }
    }
}
