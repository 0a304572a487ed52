//! A row that cannot be read is never skipped in silence.

use envelope::{StreamId, Version};
use event_store::Commit;
use event_store::rebuild::{OnUnreadable, RebuildError, SetAside};
use serde_json::json;

use crate::world::{World, commit, deposited, recorded, stream};

fn places(set_aside: &[SetAside]) -> Vec<(&str, u64)> {
    let places = set_aside.iter();
    places
        .map(|row| (row.stream.as_str(), row.version.get()))
        .collect()
}

#[tokio::test]
async fn a_rebuild_that_is_to_stop_names_the_row_and_goes_on_there_when_it_is_mended() {
    for page in [1, 2, 100] {
        let world = World::with_accounts(&[("a", 5), ("b", 5), ("c", 5)]).await;
        world.store.garble(&stream("b"), Version::new(3));
        let rebuild = world.rebuild().segments(1).page(page);
        match world.run(rebuild.clone()).await {
            Err(RebuildError::Unreadable(row)) => {
                assert_eq!(places(&[row]), [("Account#b", 3)]);
            }
            other => panic!("not {other:?}"),
        }
        world.store.heal();
        let rebuilt = world.run(rebuild.resume(true)).await.expect("mended");
        assert_eq!((rebuilt.commits, rebuilt.events), (15, 15), "each once");
        for id in ["a", "b", "c"] {
            assert_eq!(world.sum(id).await, 15, "{id}, pages of {page}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_set_aside_from_the_row_on_and_the_others_go_on() {
    for (page, segments) in [(1, 1), (2, 3), (3, 1), (100, 2)] {
        let world = World::with_accounts(&[("a", 5), ("b", 6), ("c", 5)]).await;
        world.store.garble(&stream("b"), Version::new(3));
        world.store.garble(&stream("b"), Version::new(5));
        let rebuild = world.rebuild().segments(segments).page(page);
        let rebuilt = world
            .run(rebuild.on_unreadable(OnUnreadable::SetAside))
            .await;
        let rebuilt = rebuilt.expect("it goes on");
        let expected = [("Account#b", 3), ("Account#b", 5)];
        assert_eq!(places(&rebuilt.set_aside), expected, "pages of {page}");
        assert_eq!(rebuilt.left_out, 2, "versions 4 and 6");
        assert_eq!((rebuilt.commits, rebuilt.events), (14, 12));
        assert_eq!(world.sum("a").await, 15);
        assert_eq!(
            world.sum("b").await,
            3,
            "1 and 2, and nothing behind the hole"
        );
        assert_eq!(world.sum("c").await, 15);
    }
}

#[tokio::test]
async fn what_was_set_aside_before_a_crash_is_reported_and_left_out_after_it() {
    let world = World::with_accounts(&[("a", 6)]).await;
    world.store.garble(&stream("a"), Version::new(2));
    let rebuild = world.rebuild().segments(1).page(1);
    let rebuild = rebuild.on_unreadable(OnUnreadable::SetAside);
    // Three pages, and it is dropped: the bad row is behind it, its stream is not.
    let mut pages = 0;
    {
        let store = world.store.clone();
        let run = rebuild.run::<crate::world::Sums>(|_| {
            pages += 1;
            if pages == 3 {
                store.be_unavailable(10);
            }
        });
        let ended = run.await;
        assert!(
            matches!(ended, Err(RebuildError::Unavailable { .. })),
            "{ended:?}"
        );
    }
    let rebuilt = world.run(rebuild.resume(true)).await.expect("it goes on");
    assert_eq!(places(&rebuilt.set_aside), [("Account#a", 2)]);
    assert_eq!(rebuilt.left_out, 4);
    assert_eq!(world.sum("a").await, 1);
}

#[tokio::test]
async fn an_event_that_the_model_cannot_read_is_an_unreadable_row() {
    for page in [1, 2, 100] {
        let world = World::with_accounts(&[("a", 2), ("b", 4)]).await;
        // Two events in one commit, and the second has another shape.
        let bad = vec![deposited(100), recorded(2, json!({ "amount": "ten" }))];
        world.append(&commit(&stream("a"), 3, bad)).await;
        world
            .append(&commit(&stream("a"), 5, vec![deposited(1_000)]))
            .await;
        let rebuild = world.rebuild().segments(1).page(page);
        match world.run(rebuild.clone()).await {
            Err(RebuildError::Unreadable(row)) => {
                assert_eq!(places(&[row]), [("Account#a", 4)]);
            }
            other => panic!("not {other:?}"),
        }
        let rebuild = rebuild.on_unreadable(OnUnreadable::SetAside).resume(true);
        let rebuilt = world.run(rebuild).await.expect("it goes on");
        assert_eq!(places(&rebuilt.set_aside), [("Account#a", 4)]);
        let why = &rebuilt.set_aside[0].why;
        assert!(why.contains("Deposited") && !why.contains("ten"), "{why}");
        assert_eq!(rebuilt.left_out, 1);
        assert_eq!(
            world.sum("a").await,
            3,
            "no half of a commit, nothing behind it"
        );
        assert_eq!(world.sum("b").await, 10);
    }
}

#[tokio::test]
async fn a_missing_row_is_an_unreadable_row() {
    let world = World::with_accounts(&[("a", 2), ("b", 2)]).await;
    world
        .append(&commit(&stream("a"), 4, vec![deposited(9)]))
        .await;
    world
        .append(&commit(&stream("c"), 2, vec![deposited(9)]))
        .await;
    let rebuild = world
        .rebuild()
        .page(1)
        .on_unreadable(OnUnreadable::SetAside);
    let mut rebuilt = world.run(rebuild).await.expect("it goes on");
    rebuilt
        .set_aside
        .sort_by(|one, next| one.stream.cmp(&next.stream));
    let expected = [("Account#a", 3), ("Account#c", 1)];
    assert_eq!(places(&rebuilt.set_aside), expected);
    assert_eq!((world.sum("a").await, world.sum("c").await), (3, 0));
}

#[tokio::test]
async fn a_commit_whose_data_was_not_fetched_is_an_unreadable_row() {
    let world = World::with_accounts(&[("a", 1)]).await;
    let elsewhere = Commit {
        payload: Some("a bucket".to_owned()),
        ..commit(&stream("a"), 2, vec![deposited(9)])
    };
    world.append(&elsewhere).await;
    let ended = world.run(world.rebuild()).await;
    assert!(
        matches!(&ended, Err(RebuildError::Unreadable(row)) if row.version == Version::new(2)),
        "{ended:?}"
    );
}

#[tokio::test]
async fn streams_that_do_not_concern_the_model_are_passed_over_readable_or_not() {
    let world = World::with_accounts(&[("a", 3)]).await;
    let other = StreamId::new("Mailbox", "a").expect("an id");
    for first in 1..=3 {
        let data = recorded(9, json!("anything"));
        world.append(&commit(&other, first, vec![data])).await;
    }
    world.store.garble(&other, Version::new(2));
    let rebuilt = world
        .run(world.rebuild().page(2))
        .await
        .expect("it goes on");
    assert_eq!((rebuilt.events, rebuilt.commits), (3, 5));
    assert_eq!(rebuilt.set_aside, []);
}
