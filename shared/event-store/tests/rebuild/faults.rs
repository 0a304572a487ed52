//! What may pass is tried again, a bounded number of times; the rest says that it can be resumed.

use event_store::rebuild::{Checkpoints, RebuildError};
use ports::{Clock, MemoryViews};

use crate::world::{Sums, World};

#[tokio::test]
async fn a_store_that_comes_back_is_waited_for() {
    let world = World::with_accounts(&[("a", 3)]).await;
    let before = world.clock.now();
    world.store.be_unavailable(5);
    world.run(world.rebuild()).await.expect("it came back");
    assert_eq!(world.sum("a").await, 6);
    assert!(world.clock.now() > before, "it waited");
}

#[tokio::test]
async fn a_store_that_stays_away_ends_the_rebuild_and_it_can_be_resumed() {
    let world = World::with_accounts(&[("a", 4)]).await;
    let rebuild = world.rebuild().segments(1).page(2);
    let store = world.store.clone();
    let ended = rebuild.run::<Sums>(|_| store.be_unavailable(1_000)).await;
    match &ended {
        Err(error @ RebuildError::Unavailable { attempts, .. }) => {
            assert!((2..50).contains(attempts), "{attempts} attempts");
            assert!(error.to_string().contains("can be resumed"));
        }
        other => panic!("not {other:?}"),
    }
    world.store.heal();
    let rebuilt = world.run(rebuild.resume(true)).await.expect("it is back");
    assert_eq!((rebuilt.commits, rebuilt.events), (4, 4));
    assert_eq!(world.sum("a").await, 10);
}

#[tokio::test]
async fn rebuilds_that_run_at_once_end_in_the_same_views() {
    let accounts: Vec<_> = (10..60).map(|id| (id.to_string(), 4)).collect();
    let accounts: Vec<_> = accounts
        .iter()
        .map(|(id, commits)| (id.as_str(), *commits))
        .collect();
    let world = World::with_accounts(&accounts).await;
    let one = tokio::spawn({
        let rebuild = world.rebuild().segments(4).page(3);
        async move { rebuild.run::<Sums>(|_| {}).await }
    });
    let other = tokio::spawn({
        let rebuild = world.rebuild().segments(7).page(5);
        async move { rebuild.run::<Sums>(|_| {}).await }
    });
    for run in [one, other] {
        let rebuilt = run.await.expect("it ends").expect("nothing is broken");
        assert_eq!(rebuilt.events, 200);
    }
    for digit in ["0", "5", "9"] {
        assert_eq!(world.sum(digit).await, 50, "five accounts of 1 + 2 + 3 + 4");
    }
}

#[tokio::test]
async fn a_rebuild_that_was_done_leaves_no_checkpoint_and_can_be_done_again() {
    let world = World::with_accounts(&[("a", 4)]).await;
    for _ in 0..2 {
        let rebuild = world.rebuild().resume(true);
        let rebuilt = world.run(rebuild).await.expect("nothing is broken");
        assert_eq!(rebuilt.events, 4);
        assert_eq!(world.sum("a").await, 10);
        let kept = world.checkpoints.load("sums").await.expect("memory");
        assert_eq!(kept, None);
    }
}

#[tokio::test]
async fn views_that_were_removed_in_the_middle_are_not_folded_from_the_middle() {
    let mut world = World::with_accounts(&[("a", 4)]).await;
    let rebuild = world.rebuild().segments(1).page(2);
    let store = world.store.clone();
    let ended = rebuild.run::<Sums>(|_| store.be_unavailable(1_000)).await;
    assert!(ended.is_err());
    world.store.heal();
    world.views = MemoryViews::default();
    let ended = world.run(world.rebuild().resume(true)).await;
    assert!(
        matches!(ended, Err(RebuildError::Behind { .. })),
        "{ended:?}"
    );
    world
        .run(world.rebuild())
        .await
        .expect("from the beginning");
    assert_eq!(world.sum("a").await, 10);
}
