//! Cases about commits that are too large for an item, through claim checks. Each takes a plain
//! store, so that it can also look at what lies in it, and lose objects.

use envelope::{StreamId, Version};
use ports::{Consistency, MemoryPayloads, SystemClock};
use serde_json::Value;

use super::appending::commit_of;
use super::tally::{Added, Command, Tally, fresh_cause, fresh_id, fresh_stream};
use super::transacting::stored;
use crate::{
    Append, AppendAll, AppendAllError, AppendError, ClaimChecked, Decider, ExecuteError, Load,
    LoadError, Outcome, ReadError, UnreadableHistory,
};

pub(super) const KB: usize = 1024;

pub(super) type Checked<S> = ClaimChecked<S, MemoryPayloads>;

/// The store with objects in memory beside it.
pub fn claim_checked<S>(store: S) -> Checked<S> {
    ClaimChecked::new(store, MemoryPayloads::default())
}

pub(super) fn both<S: Clone>(store: &S) -> (Checked<S>, MemoryPayloads) {
    let payloads = MemoryPayloads::default();
    (ClaimChecked::new(store.clone(), payloads.clone()), payloads)
}

pub(super) fn decider<S: Load>(store: &S) -> Decider<Tally, S, SystemClock> {
    Decider::new(store.clone(), SystemClock)
}

/// One event of 410 KB between two small ones.
pub(super) fn large(amount: u64) -> Vec<Added> {
    let padded = Added::amount(amount).padded(410 * KB);
    vec![Added::amount(1), padded, Added::amount(2)]
}

/// As one commit, however it is read: as a stream, as a state, by another process, as a winner.
pub async fn an_event_of_410_kb_is_stored_and_reads_back<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let stream = fresh_stream();
    let commit = commit_of(&stream, 0, &large(10));
    checked.append(&commit).await.expect("it goes through");
    let next = commit_of(&stream, 3, &[Added::amount(100)]);
    checked.append(&next).await.expect("the place is free");
    assert_eq!(payloads.keys().len(), 1, "only what is too large");
    let both = [commit.clone(), next];
    assert!(stored(&checked, &commit).await == both);
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let until = Version::MAX;
        let loaded = checked.load(&stream, 1, until, consistency).await;
        assert!(loaded.expect("readable").commits == both);
        let id = stream.aggregate_id();
        let folded = decider(&checked).load(id, consistency).await;
        assert_eq!(folded.expect("foldable").state.sum, 113);
    }
    match checked.append(&commit_of(&stream, 0, &large(20))).await {
        Err(AppendError::Conflict(winner)) => assert!(*winner == commit, "the whole winner"),
        other => panic!("a taken place is a conflict, not {other:?}"),
    }
    let there = &stored(&store, &commit).await[0];
    let data = there.events.iter().map(|event| &event.data);
    assert!(data.eq([&Value::Null; 3]), "nothing of it is in the item");
    let pointer = there.payload.as_ref().expect("a pointer");
    assert!(
        payloads.keys().contains(pointer),
        "and all of it is where it says"
    );
}

/// More than fits into any item, and still one commit.
pub async fn a_thousand_events_of_a_kilobyte_in_one_command_are_one_commit<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let (process, id) = (decider(&checked), fresh_id());
    let events = vec![Added::amount(1).padded(KB); 1_000];
    let executed = process
        .execute(&id, &fresh_cause(), &Command::Add(events))
        .await
        .expect("applied");
    assert_eq!(
        (executed.version.get(), executed.events().len()),
        (1_000, 1_000)
    );
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.events, 1_000);
    let stream = StreamId::new("Tally", &id).expect("an id");
    let raw = store.read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
    assert_eq!(raw.await.expect("readable").len(), 1);
    assert_eq!(payloads.keys().len(), 1);
}

/// By the process that is unsure and by one that never saw the first attempt. The object that it
/// has just put tells the commit from any other, so it is not fetched.
pub async fn a_large_commit_whose_answer_was_lost_is_recognised<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let (one, unaware, id) = (decider(&checked), decider(&checked), fresh_id());
    let begin = Command::Add(vec![Added::amount(1)]);
    let begun = one.execute(&id, &fresh_cause(), &begin).await;
    begun.expect("applied");
    let known = unaware.load(&id, Consistency::Strong).await;
    known.expect("foldable");
    let (cause, add) = (fresh_cause(), Command::Add(large(10)));
    let first = one.execute(&id, &cause, &add).await.expect("applied");
    let _ = payloads.take_requests();
    let second = unaware.execute(&id, &cause, &add).await.expect("applied");
    assert_eq!(second.outcome, Outcome::Applied);
    assert!(second.events() == first.events() && second.state == first.state);
    assert_eq!((payloads.take_requests(), payloads.keys().len()), (1, 1));
    let third = decider(&checked).execute(&id, &cause, &add).await;
    assert_eq!(third.expect("no error").outcome, Outcome::Duplicate);
}

/// The loser decides again on what the winner left, and leaves at most an object.
pub async fn of_two_large_commits_for_one_place_neither_spoils_the_other<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let (one, other, id) = (decider(&checked), decider(&checked), fresh_id());
    for (process, amount) in [(&one, 1), (&other, 10), (&one, 100)] {
        let executed = process
            .execute(&id, &fresh_cause(), &Command::Add(large(amount)))
            .await;
        assert_eq!(executed.expect("applied").outcome, Outcome::Applied);
    }
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 111 + 3 * 3);
    assert!(payloads.keys().len() >= 3);
}

/// A state rides beside the pointer, so that a load fetches one object however many there are.
pub async fn a_stream_of_large_commits_loads_from_the_newest_one<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let (process, id) = (decider(&checked), fresh_id());
    for amount in 1..=4 {
        let add = Command::Add(large(amount));
        let executed = process.execute(&id, &fresh_cause(), &add).await;
        executed.expect("applied");
    }
    assert_eq!(payloads.take_requests(), 4, "a put for each");
    let folded = decider(&checked).load(&id, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 10 + 4 * 3);
    assert_eq!(payloads.take_requests(), 1);
}

/// Wherever it is met, and never an event without data.
pub async fn an_object_that_is_missing_or_changed_is_corrupt_and_named<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, payloads) = both(&store);
    let stream = fresh_stream();
    let before = commit_of(&stream, 0, &[Added::amount(1)]);
    checked.append(&before).await.expect("the place is free");
    let commit = commit_of(&stream, 1, &large(10));
    checked.append(&commit).await.expect("the place is free");
    let key = payloads.keys().remove(0);
    let named = |error: &ReadError, why: &str| {
        let ReadError::Corrupt { version: 2, .. } = error else {
            panic!("not {error:?}");
        };
        let text = error.to_string();
        assert!(text.contains(&stream.to_string()) && text.contains(&key));
        assert!(text.contains(why), "{text}");
    };
    for why in ["is missing", "is not what was stored"] {
        payloads.lose(&key);
        if why != "is missing" {
            let other = b"[null,null,null]".to_vec();
            ports::PutPayload::put(&payloads, &key, other)
                .await
                .expect("put");
        }
        let (until, strong) = (Version::MAX, Consistency::Strong);
        let read = checked.read(&stream, Version::ZERO, until, strong).await;
        named(&read.expect_err("unreadable"), why);
        let loaded = checked.load(&stream, 1, until, strong).await;
        named(&loaded.expect_err("unreadable"), why);
        match decider(&checked).load(stream.aggregate_id(), strong).await {
            Err(LoadError::Read(error)) => named(&error, why),
            other => panic!("no state without the data, not {other:?}"),
        }
        match checked
            .append(&commit_of(&stream, 1, &[Added::amount(5)]))
            .await
        {
            Err(AppendError::Unreadable(error)) => named(&error, why),
            other => panic!("the winner cannot be read, not {other:?}"),
        }
        let lost = commit_of(&stream, 1, &[Added::amount(5)]);
        let free = commit_of(&fresh_stream(), 0, &[Added::amount(5)]);
        match checked.append_all(&[free, lost], None).await {
            Err(AppendAllError::Append(AppendError::Unreadable(error))) => named(&error, why),
            other => panic!("the winner cannot be read, not {other:?}"),
        }
    }
}

/// A process that was not given the objects may take up a state that rides, and notices when it needs
/// the events: it folds nothing that is not there.
pub async fn a_store_without_claim_checks_refuses_to_fold_what_lies_elsewhere<S>(store: S)
where
    S: Load + AppendAll,
{
    let (checked, _) = both(&store);
    let id = fresh_id();
    let add = Command::Add(large(10));
    let added = decider(&checked).execute(&id, &fresh_cause(), &add).await;
    added.expect("applied");
    let elsewhere = |error: LoadError| match error {
        LoadError::History(UnreadableHistory::Elsewhere { stream, version }) => {
            assert_eq!((stream, version), (format!("Tally#{id}"), Version::new(1)));
        }
        other => panic!("not {other:?}"),
    };
    let riding = decider(&store).load(&id, Consistency::Strong).await;
    assert_eq!(riding.expect("the state is here").state.sum, 13);
    let blind = || Decider::<Tally<2>, _, _>::new(store.clone(), SystemClock);
    let loaded = blind().load(&id, Consistency::Eventual).await;
    elsewhere(loaded.expect_err("its data are elsewhere"));
    let small = Command::Add(vec![Added::amount(1)]);
    match blind().execute(&id, &fresh_cause(), &small).await {
        Err(ExecuteError::Load(error)) => elsewhere(error),
        other => panic!("nothing is decided on half a state, but {other:?}"),
    }
    let stream = StreamId::new("Tally", &id).expect("an id");
    let raw = store.read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
    for commit in &raw.await.expect("readable") {
        assert!(matches!(
            commit.whole(),
            Err(ReadError::Corrupt { version: 1, .. })
        ));
    }
}

/// The object comes first: without it there is no item that would point nowhere.
pub async fn without_its_object_no_large_commit_is_stored<S: Load + AppendAll>(store: S) {
    let (checked, payloads) = both(&store);
    let huge = commit_of(&fresh_stream(), 0, &large(10));
    payloads.be_unavailable(2);
    let one = checked.append(&huge).await;
    assert!(matches!(one, Err(AppendError::Unavailable(_))), "{one:?}");
    let small = commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    let all = checked
        .append_all(&[small.clone(), huge.clone()], None)
        .await;
    let unavailable = matches!(
        all,
        Err(AppendAllError::Append(AppendError::Unavailable(_)))
    );
    assert!(unavailable, "{all:?}");
    assert_eq!(stored(&store, &small).await, []);
    assert_eq!(stored(&store, &huge).await, []);
    checked.append(&huge).await.expect("the place is free");
    payloads.be_unavailable(1);
    let lost = checked.append(&commit_of(&huge.stream, 0, &large(5))).await;
    assert!(matches!(lost, Err(AppendError::Unavailable(_))), "{lost:?}");
}
