//! Wherever a rebuild is dropped, and however it is divided: resumed to its end, it leaves the fold
//! of the store.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use event_store::rebuild::{Checkpoint, Checkpoints, MemoryCheckpoints, Rebuild};
use event_store::{Commit, Memory};
use ports::{
    Change, Consistency, LoadView, ManualClock, MemoryViews, SaveView, SaveViewError, Unavailable,
    Viewed,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use testkit::Faulty;

use crate::world::{Sum, Sums, World, commit, deposited, key, recorded, stream};

/// Has the caller wait before and after each effect, as a network does: so that a rebuild can be
/// dropped before it, and between an effect and its answer.
#[derive(Debug, Clone)]
struct Slow<T>(T);

impl<T: LoadView> LoadView for Slow<T> {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        tokio::task::yield_now().await;
        self.0.load(key, consistency).await
    }
}

impl<T: SaveView> SaveView for Slow<T> {
    async fn save<V: Serialize + Sync>(&self, change: &Change<'_, V>) -> Result<(), SaveViewError> {
        tokio::task::yield_now().await;
        let saved = self.0.save(change).await;
        tokio::task::yield_now().await;
        saved
    }
}

impl<T: Checkpoints> Checkpoints for Slow<T> {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, Unavailable> {
        self.0.load(name).await
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        tokio::task::yield_now().await;
        // A checkpoint is kept as text.
        let text = serde_json::to_string(checkpoint).expect("JSON");
        let saved = self
            .0
            .save(name, &serde_json::from_str(&text).expect("JSON"))
            .await;
        tokio::task::yield_now().await;
        saved
    }

    async fn clear(&self, name: &str) -> Result<(), Unavailable> {
        tokio::task::yield_now().await;
        self.0.clear(name).await
    }
}

/// How a run is divided, and after how many steps it is dropped.
#[derive(Debug, Clone)]
struct Run {
    segments: u32,
    page: u32,
    steps: usize,
    unavailable: u32,
}

fn run() -> impl Strategy<Value = Run> {
    let steps = prop_oneof![0..40_usize, 40..400_usize];
    (1..6_u32, 1..9_u32, steps, 0..4_u32).prop_map(|(segments, page, steps, unavailable)| Run {
        segments,
        page,
        steps,
        unavailable,
    })
}

/// For each commit: which account, and the amounts of its events.
fn history() -> impl Strategy<Value = Vec<(usize, Vec<u64>)>> {
    prop::collection::vec(
        (10..25_usize, prop::collection::vec(0..100_u64, 1..4)),
        1..80,
    )
}

async fn store(world: &World, history: &[(usize, Vec<u64>)]) {
    let mut heads = BTreeMap::<usize, u64>::new();
    for (account, amounts) in history {
        let head = heads.entry(*account).or_default();
        let events = amounts.iter().map(|amount| match amount % 2 {
            0 => deposited(*amount),
            _ => recorded(1, json!({ "cents": amount * 100 })),
        });
        let stream = stream(&account.to_string());
        let commit = commit(&stream, *head + 1, events.collect());
        world.append(&commit).await;
        *head = commit.last().get();
    }
}

fn rebuild(
    world: &World,
    run: &Run,
) -> Rebuild<Faulty<Memory>, Slow<MemoryViews>, ManualClock, Slow<MemoryCheckpoints>> {
    let (store, views) = (world.store.clone(), Slow(world.views.clone()));
    let checkpoints = Slow(world.checkpoints.clone());
    Rebuild::new("sums", store, views, world.clock.clone(), checkpoints)
        .segments(run.segments)
        .page(run.page)
        .resume(true)
}

/// Runs it for so many steps and drops it.
fn crash(world: &World, run: &Run) {
    world.store.be_unavailable(run.unavailable);
    let rebuild = rebuild(world, run);
    let mut future = pin!(rebuild.run::<Sums>(|_| {}));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..run.steps {
        if let Poll::Ready(ended) = future.as_mut().poll(&mut context) {
            ended.expect("nothing stays broken");
            break;
        }
    }
    world.store.heal();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_on_the_way_the_views_end_as_the_fold_of_the_store(
        history in history(),
        crashes in prop::collection::vec(run(), 0..5),
        last in run(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let world = World::new();
        runtime.block_on(store(&world, &history));
        for run in &crashes {
            crash(&world, run);
        }
        let rebuilt = runtime.block_on(rebuild(&world, &last).run::<Sums>(|_| {}));
        let rebuilt = rebuilt.expect("nothing is broken");

        let mut expected = BTreeMap::<String, Sum>::new();
        let mut events = 0;
        for event in world.memory.log_from(0).iter().flat_map(Commit::envelopes) {
            let view = expected.entry(key(&event.aggregate_id)).or_default();
            view.fold(&event).expect("readable");
            events += 1;
        }
        for (key, expected) in &expected {
            let found = runtime.block_on(world.views.load::<Sum>(key, Consistency::Strong));
            let found = found.expect("memory").expect("a view");
            prop_assert_eq!(&found.view, expected);
        }
        prop_assert_eq!(rebuilt.commits, history.len() as u64);
        prop_assert_eq!(rebuilt.events, events);
    }
}
