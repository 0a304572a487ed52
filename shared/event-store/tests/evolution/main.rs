//! Events of several schema versions, and of types that a reader does not know, on every read path.
//!
//! Two readers of one domain stand for two releases of it. `Old` knows less than `New`; their states
//! have the same layout, so that either meets what the other carries.

mod domain;
mod world;

use envelope::{Timestamp, UnreadableEvent, Version};
use event_store::{ExecuteError, Load, LoadError, Outcome};
use ports::Consistency;
use serde_json::{Value, json};

use domain::{Ask, Balance, New, Old, OldAndStrict, Paid};
use world::{
    ID, SUMS, ask, cause, process, store, stored, stream, unreadable, wrote, wrote_every_version,
};

#[tokio::test]
async fn older_events_are_upcast_by_every_kind_of_load_and_stay_as_they_are() {
    let store = store();
    wrote_every_version(&store).await;
    let before = stored(&store).await;
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let folded = process::<New>(&store)
            .load(ID, consistency)
            .await
            .expect("foldable");
        assert_eq!((folded.state.sum, folded.version.get()), (66, 6));
    }
    let past = process::<New>(&store);
    for (version, sum) in (0_u64..).zip(SUMS) {
        let folded = past
            .at_version(ID, Version::new(version))
            .await
            .expect("foldable");
        assert_eq!(folded.expect("there").state.sum, sum, "version {version}");
    }
    for (millis, sum) in [(10, 1), (20, 3), (30, 6), (40, 66)] {
        let folded = past
            .at_time(ID, Timestamp::from_millis(millis))
            .await
            .expect("foldable");
        assert_eq!(folded.expect("there").state.sum, sum, "at {millis}");
    }
    // Whoever reads events gets them as stored, and decodes them the same way.
    let versions = Version::ZERO..=Version::MAX;
    let events = past.between(ID, versions).await.expect("readable");
    let amounts = events
        .iter()
        .map(|event| event.read::<Paid>().expect("readable").amount);
    assert_eq!(amounts.collect::<Vec<_>>(), [1, 2, 3, 10, 20, 30]);
    assert_eq!(events[0].data, json!({"cents": 1}));

    let executed = ask(&process::<New>(&store), "top-up", Ask::PayUpTo(70)).await;
    assert_eq!(
        (
            executed.state.sum,
            executed.events()[0].data["amount"].as_u64()
        ),
        (70, Some(4))
    );
    let after = stored(&store).await;
    assert_eq!(
        after[..before.len()],
        before,
        "a stored event is never rewritten"
    );
}

#[tokio::test]
async fn a_winner_of_an_older_release_is_upcast_when_it_is_taken_over() {
    let store = store();
    wrote_every_version(&store).await;
    let warm = process::<New>(&store);
    warm.load(ID, Consistency::Strong).await.expect("foldable");
    // An old process that is still running wins with an event of its own version.
    let other = store.clone();
    store.race(move || async move { wrote(&other, &[("Paid", 1, json!({"cents": 4}))]).await });
    let executed = ask(&warm, "top-up", Ask::PayUpTo(100)).await;
    assert_eq!(executed.state.sum, 100);
    assert_eq!(
        executed.events()[0].data["amount"],
        30,
        "decided on what the winner left"
    );
}

#[tokio::test]
async fn an_unknown_event_fails_with_stream_version_and_type_where_the_policy_is_to_fail() {
    let store = store();
    wrote(
        &store,
        &[("Paid", 3, json!({"amount": 9, "currency": "EUR"}))],
    )
    .await;
    let unknown = [
        ("Paid", 1, json!({"cents": 1})),
        ("Refunded", 1, json!({"amount": 5})),
    ];
    wrote(&store, &unknown).await;
    let strict = process::<OldAndStrict>(&store);
    let check = |error: &LoadError| {
        let expected = UnreadableEvent::unknown("Refunded", 1);
        assert_eq!(unreadable(error), ("Account#one".to_owned(), 3, &expected));
    };
    check(
        &strict
            .load(ID, Consistency::Eventual)
            .await
            .expect_err("unreadable"),
    );
    check(
        &strict
            .load(ID, Consistency::Strong)
            .await
            .expect_err("unreadable"),
    );
    check(
        &strict
            .at_version(ID, Version::new(3))
            .await
            .expect_err("unreadable"),
    );
    check(
        &strict
            .at_time(ID, Timestamp::from_millis(20))
            .await
            .expect_err("unreadable"),
    );
    match strict.execute(ID, &cause("pay"), &Ask::Pay(1)).await {
        Err(ExecuteError::Load(error)) => check(&error),
        other => panic!("decided on half the truth: {other:?}"),
    }
    assert_eq!(
        stored(&store).await.len(),
        2,
        "nothing was written on top of it"
    );
    // What lies in front of it can still be looked at.
    let folded = strict
        .at_version(ID, Version::new(2))
        .await
        .expect("foldable");
    assert_eq!(folded.expect("there").state.sum, 10);
    let folded = strict
        .at_time(ID, Timestamp::from_millis(19))
        .await
        .expect("foldable");
    assert_eq!(folded.expect("there").state.sum, 9);
}

#[tokio::test]
async fn an_unknown_winner_fails_the_command_where_the_policy_is_to_fail() {
    let store = store();
    wrote_every_version(&store).await;
    let strict = process::<OldAndStrict>(&store);
    strict
        .load(ID, Consistency::Strong)
        .await
        .expect("foldable");
    let other = store.clone();
    store
        .race(move || async move { wrote(&other, &[("Refunded", 1, json!({"amount": 1}))]).await });
    match strict.execute(ID, &cause("pay"), &Ask::Pay(1)).await {
        Err(ExecuteError::Load(error)) => assert_eq!(unreadable(&error).1, 7),
        other => panic!("decided on half the truth: {other:?}"),
    }
}

#[tokio::test]
async fn a_version_newer_than_the_reader_is_unknown_and_not_misread() {
    let store = store();
    wrote(
        &store,
        &[("Paid", 4, json!({"amount": 9, "currency": "EUR"}))],
    )
    .await;
    let error = process::<New>(&store).load(ID, Consistency::Strong).await;
    let error = error.expect_err("unreadable");
    assert_eq!(unreadable(&error).2, &UnreadableEvent::unknown("Paid", 4));
    let opaque = process::<Old>(&store).load(ID, Consistency::Strong).await;
    let opaque = opaque.expect("carried on");
    assert_eq!(
        (opaque.state, opaque.version.get()),
        (Balance::default(), 1)
    );
}

#[tokio::test]
async fn malformed_data_of_a_known_type_fails_under_both_policies() {
    let malformed = [
        (1, json!({"cents": "ten"})),
        (2, json!({"amount": -1})),
        (3, json!({"amount": 1})),
        (3, Value::Null),
    ];
    for (version, data) in malformed {
        let store = store();
        wrote(&store, &[("Paid", version, data)]).await;
        let strict = process::<OldAndStrict>(&store)
            .load(ID, Consistency::Strong)
            .await;
        let opaque = process::<Old>(&store).load(ID, Consistency::Strong).await;
        for result in [strict, opaque] {
            let error = result.expect_err("malformed");
            let (_, at, source) = unreadable(&error);
            assert!(matches!(source, UnreadableEvent::Shape { .. }), "{source}");
            assert_eq!(at, 1);
        }
        let command = process::<Old>(&store)
            .execute(ID, &cause("pay"), &Ask::Pay(1))
            .await;
        assert!(matches!(command, Err(ExecuteError::Load(_))), "{command:?}");
    }
}

#[tokio::test]
async fn an_opaque_event_counts_for_the_version_alone() {
    let store = store();
    wrote_every_version(&store).await;
    wrote(
        &store,
        &[
            ("Refunded", 1, json!({"amount": 6})),
            ("Paid", 1, json!({"cents": 4})),
        ],
    )
    .await;
    let old = process::<Old>(&store);
    let folded = old.load(ID, Consistency::Strong).await.expect("carried on");
    assert_eq!(
        (folded.state.sum, folded.version.get(), folded.state.events),
        (70, 8, 7)
    );
    let at = |version| old.at_version(ID, Version::new(version));
    let folded = at(7).await.expect("carried on").expect("there");
    assert_eq!((folded.state.sum, folded.version.get()), (66, 7));
    let moment = Timestamp::from_millis(70);
    let folded = old
        .at_time(ID, moment)
        .await
        .expect("carried on")
        .expect("there");
    assert_eq!((folded.state.sum, folded.version.get()), (70, 8));
}

#[tokio::test]
async fn no_state_that_lacks_an_event_is_ever_stored() {
    let store = store();
    wrote(&store, &[("Paid", 1, json!({"cents": 50}))]).await;
    wrote(&store, &[("Refunded", 1, json!({"amount": 6}))]).await;
    let (warm, before) = (process::<Old>(&store), stored(&store).await.len());
    for number in 0..40 {
        let id = format!("old-{number}");
        let executed = if number % 2 == 0 {
            ask(&warm, &id, Ask::Pay(1)).await
        } else {
            ask(&process::<Old>(&store), &id, Ask::Pay(1)).await
        };
        assert_eq!(executed.outcome, Outcome::Applied);
        assert!(!executed.snapshot_due);
    }
    // Also where the event that it lacks comes as somebody else's commit in between.
    let commits = stored(&store).await;
    assert!(
        commits[before..]
            .iter()
            .all(|commit| commit.carried.is_none())
    );
    for decider in [warm, process::<Old>(&store)] {
        assert!(!decider.save_snapshot(ID).await.expect("nothing to save"));
    }
    let loaded = store
        .load(&stream(), 1, Version::MAX, Consistency::Strong)
        .await;
    assert_eq!(loaded.expect("readable").snapshot, None);
    // So the newer release, whose states have the same layout, finds the truth.
    let folded = process::<New>(&store).load(ID, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 50 - 6 + 40);
}

#[tokio::test]
async fn a_state_that_took_over_an_opaque_winner_is_not_stored_either() {
    let store = store();
    let old = process::<Old>(&store);
    ask(&old, "first", Ask::Pay(50)).await;
    assert!(
        stored(&store).await[0].carried.is_some(),
        "until then its states ride"
    );
    let other = store.clone();
    store
        .race(move || async move { wrote(&other, &[("Refunded", 1, json!({"amount": 6}))]).await });
    let executed = ask(&old, "second", Ask::Pay(1)).await;
    assert_eq!((executed.state.sum, executed.version.get()), (51, 3));
    ask(&old, "third", Ask::Pay(1)).await;
    let commits = stored(&store).await;
    assert!(commits[1..].iter().all(|commit| commit.carried.is_none()));
    let folded = process::<New>(&store).load(ID, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 46);
}

#[tokio::test]
async fn the_older_release_takes_up_what_the_newer_one_carries() {
    let store = store();
    let (old, new) = (process::<Old>(&store), process::<New>(&store));
    ask(&old, "pay", Ask::Pay(50)).await;
    let refunded = ask(&new, "refund", Ask::Refund(6)).await;
    assert_eq!(refunded.state.sum, 44);
    assert!(stored(&store).await[1].carried.is_some());
    // As the winner of a race, and cold.
    let executed = ask(&old, "again", Ask::Pay(1)).await;
    assert_eq!((executed.state.sum, executed.state.events), (45, 3));
    let folded = process::<Old>(&store).load(ID, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 45);
    let last = stored(&store).await.pop().expect("stored");
    assert!(
        last.carried.is_some(),
        "a state that lacks nothing rides again"
    );
    // In the past, too: before, at, and behind what it does not know itself.
    for (version, sum) in [(1, 50), (2, 44), (3, 45)] {
        let folded = old
            .at_version(ID, Version::new(version))
            .await
            .expect("foldable");
        assert_eq!(folded.expect("there").state.sum, sum, "version {version}");
    }
}
