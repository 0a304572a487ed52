//! A read model over several streams, and a store to rebuild it from.
//!
//! One view is folded from several streams, and segments run side by side: so they meet in it, and
//! the test sees what becomes of one that loses.

use std::collections::BTreeMap;

use envelope::{
    Cause, CommandId, Envelope, EventData, StreamId, Timestamp, UnreadableEvent, Upcaster, Version,
};
use event_store::rebuild::{
    ApplyError, MemoryCheckpoints, ReadModel, Rebuild, RebuildError, Rebuilding, Rebuilt,
};
use event_store::{Append, Commit, Memory, Recorded};
use ports::{Change, Consistency, LoadView, ManualClock, MemoryViews, Revision, SaveView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::Faulty;

/// Version 1 counted in cents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deposited {
    pub(crate) amount: u64,
}

impl EventData for Deposited {
    const TYPE: &'static str = "Deposited";
    const SCHEMA_VERSION: u32 = 2;
    const UPCASTERS: &'static [Upcaster] = &[from_cents];
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is the upcaster's"
)]
fn from_cents(data: Value) -> Result<Value, &'static str> {
    let cents = data["cents"].as_u64().ok_or("`cents` is no number")?;
    Ok(json!({ "amount": cents / 100 }))
}

/// An event of the newest version.
pub(crate) fn deposited(amount: u64) -> Recorded {
    recorded(2, json!({ "amount": amount }))
}

pub(crate) fn recorded(schema_version: u32, data: Value) -> Recorded {
    Recorded {
        event_id: None,
        event_type: Deposited::TYPE.to_owned(),
        schema_version,
        data,
    }
}

/// The view: a sum over all streams that share it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) sum: u64,
    versions: BTreeMap<String, Version>,
}

impl Sum {
    pub(crate) fn fold(&mut self, event: &Envelope) -> Result<(), UnreadableEvent> {
        self.sum += event.read::<Deposited>()?.amount;
        let id = event.aggregate_id.clone();
        self.versions.insert(id, event.version);
        Ok(())
    }

    fn version_of(&self, id: &str) -> Version {
        self.versions.get(id).copied().unwrap_or_default()
    }
}

/// Accounts whose ids end alike share a view.
pub(crate) fn key(id: &str) -> String {
    format!("sum#{}", &id[id.len() - 1..])
}

pub(crate) enum Sums {}

impl ReadModel for Sums {
    fn concerns(stream: &StreamId) -> bool {
        stream.aggregate_type() == "Account"
    }

    async fn apply<V: LoadView + SaveView>(
        context: &Rebuilding<V>,
        stream: &StreamId,
        events: &[Envelope],
    ) -> Result<(), ApplyError> {
        let (id, key) = (stream.aggregate_id(), key(stream.aggregate_id()));
        let found = context.load::<Sum>(&key, Consistency::Strong).await?;
        let (mut view, revision) = found.map_or_else(
            || (Sum::default(), Revision::default()),
            |found| (found.view, found.revision),
        );
        for event in events {
            let at = view.version_of(id);
            if event.version > at.next() {
                return Err(ApplyError::Behind { at });
            }
            if event.version == at.next() {
                view.fold(event).map_err(|source| ApplyError::Unreadable {
                    version: event.version,
                    source,
                })?;
            }
        }
        Ok(context.save(&Change::new(&key, &view, revision)).await?)
    }
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("Account", id).expect("an id")
}

pub(crate) fn commit(stream: &StreamId, first: u64, events: Vec<Recorded>) -> Commit {
    let cause = CommandId::new(format!("{}-{first}", stream.aggregate_id())).expect("an id");
    let cause = Cause::command(&cause);
    Commit {
        stream: stream.clone(),
        first: Version::new(first),
        commit_id: cause.commit_id().clone(),
        time: Timestamp::from_millis(0),
        metadata: cause.metadata(),
        events,
        joined: Vec::new(),
        payload: None,
        carried: None,
    }
}

/// A store, the views, and what a rebuild needs besides.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) store: Faulty<Memory>,
    pub(crate) views: MemoryViews,
    pub(crate) clock: ManualClock,
    pub(crate) checkpoints: MemoryCheckpoints,
}

pub(crate) type MemoryRebuild =
    Rebuild<Faulty<Memory>, MemoryViews, ManualClock, MemoryCheckpoints>;

impl World {
    pub(crate) fn new() -> Self {
        let memory = Memory::default();
        Self {
            store: Faulty::new(memory.clone()),
            memory,
            views: MemoryViews::default(),
            clock: ManualClock::at(Timestamp::from_millis(1_000)),
            checkpoints: MemoryCheckpoints::default(),
        }
    }

    /// Accounts with so many commits of one event each: 1, 2, 3 and so on.
    pub(crate) async fn with_accounts(accounts: &[(&str, u64)]) -> Self {
        let world = Self::new();
        for (id, commits) in accounts {
            for amount in 1..=*commits {
                world
                    .append(&commit(&stream(id), amount, vec![deposited(amount)]))
                    .await;
            }
        }
        world
    }

    pub(crate) async fn append(&self, commit: &Commit) {
        self.memory.append(commit).await.expect("the place is free");
    }

    pub(crate) fn rebuild(&self) -> MemoryRebuild {
        let (store, views) = (self.store.clone(), self.views.clone());
        Rebuild::new(
            "sums",
            store,
            views,
            self.clock.clone(),
            self.checkpoints.clone(),
        )
    }

    pub(crate) async fn run(&self, rebuild: MemoryRebuild) -> Result<Rebuilt, RebuildError> {
        rebuild.run::<Sums>(|_| {}).await
    }

    /// The sum that the views show for accounts whose ids end like this.
    pub(crate) async fn sum(&self, id: &str) -> u64 {
        let found = self.views.load::<Sum>(&key(id), Consistency::Strong).await;
        found.expect("memory").map_or(0, |found| found.view.sum)
    }
}
