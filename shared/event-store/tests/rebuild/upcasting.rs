//! A rebuild reads what was stored under earlier schema versions.

use event_store::rebuild::{OnUnreadable, RebuildError};
use serde_json::json;

use crate::world::{World, commit, deposited, recorded, stream};

#[tokio::test]
async fn events_of_an_earlier_version_are_upcast() {
    let world = World::new();
    let (account, cents) = (stream("a"), recorded(1, json!({ "cents": 700 })));
    world
        .append(&commit(&account, 1, vec![cents.clone(), deposited(30)]))
        .await;
    world.append(&commit(&account, 3, vec![cents])).await;
    world.run(world.rebuild()).await.expect("readable");
    assert_eq!(world.sum("a").await, 44);
}

#[tokio::test]
async fn an_earlier_version_of_another_shape_is_an_unreadable_row() {
    let world = World::with_accounts(&[("a", 1)]).await;
    let euros = recorded(1, json!({ "euros": 7 }));
    world.append(&commit(&stream("a"), 2, vec![euros])).await;
    let ended = world.run(world.rebuild()).await;
    match &ended {
        Err(RebuildError::Unreadable(row)) => assert!(row.why.contains("`cents`"), "{row:?}"),
        other => panic!("not {other:?}"),
    }
    let rebuild = world.rebuild().on_unreadable(OnUnreadable::SetAside);
    let rebuilt = world.run(rebuild).await.expect("it goes on");
    assert_eq!(rebuilt.set_aside.len(), 1);
    assert_eq!(world.sum("a").await, 1);
}

#[tokio::test]
async fn a_version_newer_than_the_model_is_an_unreadable_row() {
    let world = World::new();
    let newer = recorded(3, json!({ "amount": 7 }));
    world.append(&commit(&stream("a"), 1, vec![newer])).await;
    let ended = world.run(world.rebuild()).await;
    assert!(
        matches!(ended, Err(RebuildError::Unreadable(_))),
        "{ended:?}"
    );
}
