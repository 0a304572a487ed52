//! Cases about several streams at once.

use std::slice::from_ref;

use envelope::{Aggregate, Cause, Version};
use ports::{Clock, Consistency, SystemClock};

use super::appending::commit_of;
use super::deciding::assert_load_is_the_fold_of_all;
use super::tally::{Added, Command, State, Tally, fresh_cause, fresh_id, fresh_stream};
use crate::{
    AppendAll, AppendAllError, AppendError, Claim, Commit, Decider, ExecuteError, Load, Once,
    Outcome, RECENT_MAX, TRANSACTION_ACTIONS_MAX, TRANSACTION_BYTES_MAX, Transaction,
};

pub(super) async fn stored<S: Load>(store: &S, commit: &Commit) -> Vec<Commit> {
    store
        .read(
            &commit.stream,
            Version::ZERO,
            Version::MAX,
            Consistency::Strong,
        )
        .await
        .expect("readable")
}

/// One taken place keeps the others free; the error tells what is in it.
pub async fn several_streams_are_appended_all_or_none_and_the_winners_are_named<S>(store: S)
where
    S: Load + AppendAll,
{
    let commits = [1, 2, 3].map(|amount| commit_of(&fresh_stream(), 0, &[Added::amount(amount)]));
    let winner = commit_of(&commits[1].stream, 0, &[Added::amount(20)]);
    store.append(&winner).await.expect("the place is free");
    match store.append_all(&commits, None).await {
        Err(AppendAllError::Conflict(winners)) => assert_eq!(winners, from_ref(&winner)),
        other => panic!("one place is taken, not {other:?}"),
    }
    assert_eq!(stored(&store, &commits[0]).await, []);
    assert_eq!(stored(&store, &commits[1]).await, from_ref(&winner));
    assert_eq!(stored(&store, &commits[2]).await, []);

    let next = commit_of(&winner.stream, 1, &[Added::amount(2)]);
    let again = [commits[0].clone(), next.clone(), commits[2].clone()];
    store
        .append_all(&again, None)
        .await
        .expect("all places are free");
    assert_eq!(stored(&store, &commits[0]).await, from_ref(&commits[0]));
    assert_eq!(stored(&store, &next).await, [winner, next]);
    assert_eq!(stored(&store, &commits[2]).await, from_ref(&commits[2]));
}

/// With one stream and with several: what is there is recognised as one's own.
pub async fn a_transaction_whose_answer_was_lost_succeeds_when_it_is_sent_again<S>(store: S)
where
    S: Load + AppendAll,
{
    for streams in [1, 3] {
        let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
        let ids: Vec<String> = (0..streams).map(|_| fresh_id()).collect();
        let cause = fresh_cause();
        let mut unseen = Vec::new();
        for id in &ids {
            unseen.push(
                decider
                    .load(id, Consistency::Strong)
                    .await
                    .expect("foldable"),
            );
        }
        for _ in 0..2 {
            let mut transaction = Transaction::new(&cause);
            for (id, seen) in ids.iter().zip(&unseen) {
                transaction
                    .add(&decider, id, seen, &[Added::amount(5)])
                    .expect("an id");
            }
            transaction
                .commit(&store, &SystemClock)
                .await
                .expect("stored, now or before");
        }
        for id in &ids {
            let folded = decider
                .load(id, Consistency::Strong)
                .await
                .expect("foldable");
            assert_eq!((folded.state.sum, folded.version), (5, Version::new(1)));
        }
    }
}

/// Delivered again to a process that has seen all of it, or a part, or to one that decides otherwise
/// by now: it is never applied again.
pub async fn a_transaction_counts_once_for_each_cause<S: Load + AppendAll>(store: S) {
    let ids = [fresh_id(), fresh_id()];
    let process = || Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let (before, cause) = (process(), fresh_cause());
    let mut unseen = Vec::new();
    for id in &ids {
        let seen = before.load(id, Consistency::Strong).await;
        unseen.push(seen.expect("foldable"));
    }
    let commit = async |which: [bool; 2], amounts: &[u64]| {
        let after = process();
        let mut transaction = Transaction::new(&cause);
        for ((id, old), fresh) in ids.iter().zip(&unseen).zip(which) {
            let seen = match fresh {
                true => after.load(id, Consistency::Strong).await.expect("foldable"),
                false => old.clone(),
            };
            let events: Vec<_> = amounts.iter().copied().map(Added::amount).collect();
            let added = transaction.add(&after, id, &seen, &events);
            added.expect("an id");
        }
        let committed = transaction.commit(&store, &SystemClock).await;
        let committed = committed.expect("carried out");
        // What the process remembers of it is right.
        for (id, fresh) in ids.iter().zip(which) {
            let next = Command::Reach(6);
            let reached = after.execute(id, &fresh_cause(), &next).await;
            assert_eq!(reached.expect("carried out").state.sum, 6, "{fresh}");
        }
        committed
    };
    assert_eq!(commit([false, false], &[2, 3]).await, Outcome::Applied);
    for which in [[true, true], [true, false], [false, true], [false, false]] {
        assert_eq!(commit(which, &[5]).await, Outcome::Duplicate, "{which:?}");
    }
    for id in &ids {
        let state = assert_load_is_the_fold_of_all::<1, S>(&store, id).await;
        assert_eq!((state.sum, state.events), (6, 3));
    }
}

/// There is no place behind a state that ends inside of a commit.
pub async fn a_transaction_on_the_middle_of_a_commit_is_refused<S: Load + AppendAll>(store: S) {
    let id = fresh_id();
    let decider = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let add = Command::Add([1, 2, 4].map(Added::amount).to_vec());
    let added = decider.execute(&id, &fresh_cause(), &add).await;
    added.expect("applied");
    let cause = fresh_cause();
    for version in [1, 2] {
        let middle = decider.at_version(&id, Version::new(version)).await;
        let middle = middle.expect("foldable").expect("so far");
        let mut transaction = Transaction::new(&cause);
        let added = transaction.add(&decider, &id, &middle, &[Added::amount(8)]);
        added.expect("an id");
        let committed = transaction.commit(&store, &SystemClock).await;
        let refused = matches!(&committed, Err(AppendAllError::Conflict(_)));
        assert!(refused, "{committed:?}");
    }
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!((state.sum, state.events), (7, 3));
}

pub(super) fn claim_of(cause: &Cause, note: &str) -> Claim {
    Claim {
        id: cause.commit_id().clone(),
        time: SystemClock.now(),
        note: note.to_owned(),
    }
}

/// Also when the streams have moved on, so that no place is taken.
pub async fn a_claim_counts_once<S: Load + AppendAll>(store: S) {
    let cause = fresh_cause();
    let claim = &claim_of(&cause, "the first");
    assert_eq!(store.note_of(&claim.id).await.expect("readable"), None);
    let first = commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    store
        .append_all(from_ref(&first), Some(claim))
        .await
        .expect("unclaimed");
    let second = commit_of(&first.stream, 1, &[Added::amount(1)]);
    for commit in [&first, &second] {
        let again = claim_of(&cause, "another");
        let result = store.append_all(from_ref(commit), Some(&again)).await;
        assert!(matches!(result, Err(AppendAllError::Claimed)), "{result:?}");
    }
    let note = store.note_of(&claim.id).await.expect("readable");
    assert_eq!(note.as_deref(), Some("the first"));
    assert_eq!(stored(&store, &first).await, from_ref(&first));
    let other = fresh_cause();
    store
        .append_all(from_ref(&second), Some(&claim_of(&other, "")))
        .await
        .expect("another claim");
    assert_eq!(stored(&store, &first).await, [first, second]);
}

/// Long after the stream has forgotten it, and whoever asks; a refusal leaves no trace.
pub async fn a_command_that_counts_once_is_answered_with_the_first_note<S>(store: S)
where
    S: Load + AppendAll,
{
    let (process, id, cause) = (
        Decider::<Tally, _, _>::new(store.clone(), SystemClock),
        fresh_id(),
        fresh_cause(),
    );
    let add = Command::Add(vec![Added::amount(1), Added::amount(2)]);
    let once = |command: &Command| {
        let command = command.clone();
        move |state: &State, _| Tally::<1>::decide(state, &command)
    };
    let note = |said: &str| {
        let said = said.to_owned();
        Some(move |version: Version| format!("{said} {version}"))
    };
    let refuse = Command::AddUpTo {
        amount: 1,
        limit: 0,
    };
    let refused = process
        .execute_once(&id, &cause, once(&refuse), note("no"))
        .await;
    assert!(
        matches!(refused, Err(ExecuteError::Rejected(_))),
        "{refused:?}"
    );
    let first = process
        .execute_once(&id, &cause, once(&add), note("first"))
        .await;
    assert_eq!(first.expect("applied"), Once::Executed(Version::new(2)));
    for other in 0..=RECENT_MAX {
        let again = process
            .execute_once(&id, &cause, once(&add), note("again"))
            .await;
        let before = Once::Before("first 2".to_owned());
        assert_eq!(again.expect("known"), before, "after {other} others");
        let refused = process
            .execute_once(&id, &cause, once(&refuse), note("no"))
            .await;
        assert_eq!(refused.expect("known"), before, "it was carried out");
        let more = Command::Add(vec![Added::amount(10)]);
        let more = process.execute(&id, &fresh_cause(), &more).await;
        more.expect("applied");
    }
    let unaware = Decider::<Tally, _, _>::new(store.clone(), SystemClock);
    let again = unaware
        .execute_once(&id, &cause, once(&add), note("again"))
        .await;
    assert_eq!(again.expect("known"), Once::Before("first 2".to_owned()));
    let nothing = Command::Add(Vec::new());
    let (quiet, version) = (fresh_cause(), Version::new(2 + RECENT_MAX as u64 + 1));
    let unchanged = process
        .execute_once(&id, &quiet, once(&nothing), note("quiet"))
        .await;
    assert_eq!(unchanged.expect("nothing to do"), Once::Executed(version));
    let again = process
        .execute_once(&id, &quiet, once(&add), note("again"))
        .await;
    assert_eq!(
        again.expect("known"),
        Once::Before(format!("quiet {version}"))
    );
    let state = assert_load_is_the_fold_of_all::<1, S>(&store, &id).await;
    assert_eq!(state.sum, 3 + 10 * (RECENT_MAX as u64 + 1));
    // What would be refused on a state that is remembered, and is not on the newest.
    let remembered = unaware
        .load(&id, Consistency::Strong)
        .await
        .expect("foldable");
    process
        .execute(&id, &fresh_cause(), &add)
        .await
        .expect("applied");
    let not_before = remembered.version.get() + 2;
    let decide = |_: &State, version: Version| match version.get() < not_before {
        true => Err(AppendAllError::Busy),
        false => Ok(vec![Added::amount(1)]),
    };
    let late = fresh_cause();
    let newest = unaware.execute_once(&id, &late, decide, note("newest"));
    assert_eq!(
        newest.await.expect("applied"),
        Once::Executed(Version::new(not_before + 1))
    );
    // Carried out without a note, it is known, and has none.
    let (plain, id) = (fresh_cause(), fresh_id());
    process.execute(&id, &plain, &add).await.expect("applied");
    let again = process.execute_once(&id, &plain, once(&add), note("again"));
    assert_eq!(again.await.expect("known"), Once::Executed(Version::new(2)));
    let unclaimed = fresh_cause();
    let none = None::<fn(Version) -> String>;
    let first = process.execute_once(&id, &unclaimed, once(&add), none);
    assert_eq!(
        first.await.expect("applied"),
        Once::Executed(Version::new(4))
    );
    let noted = store.note_of(unclaimed.commit_id()).await;
    assert_eq!(noted.expect("readable"), None);
}

/// A mistake of the caller that no retry cures must not store one of the two.
pub async fn two_commits_in_one_place_are_refused<S: Load + AppendAll>(store: S) {
    let one = commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    let two = commit_of(&one.stream, 0, &[Added::amount(2)]);
    let result = store.append_all(&[one.clone(), two], None).await;
    let refused = matches!(
        result,
        Err(AppendAllError::Append(AppendError::Unavailable(_)))
    );
    assert!(refused, "{result:?}");
    assert_eq!(stored(&store, &one).await, []);
}

/// Both limits of a transaction, before anything is sent.
pub async fn a_transaction_over_the_limits_is_refused<S: Load + AppendAll>(store: S) {
    let small = |_| commit_of(&fresh_stream(), 0, &[Added::amount(1)]);
    let many: Vec<_> = (0..TRANSACTION_ACTIONS_MAX).map(small).collect();
    let claim = fresh_cause();
    match store.append_all(&many, Some(&claim_of(&claim, ""))).await {
        Err(AppendAllError::TooMany { actions: 101, max }) => {
            assert_eq!(max, TRANSACTION_ACTIONS_MAX);
        }
        other => panic!("a hundred items and a claim are too many, not {other:?}"),
    }
    let large = |_| commit_of(&fresh_stream(), 0, &[Added::amount(1).padded(390 * 1024)]);
    let large: Vec<_> = (0..11).map(large).collect();
    match store.append_all(&large, None).await {
        Err(AppendAllError::Append(AppendError::TooLarge { bytes, max })) => {
            assert!(bytes > max && max == TRANSACTION_BYTES_MAX);
        }
        other => panic!("eleven large items are too large together, not {other:?}"),
    }
    assert_eq!(stored(&store, &many[0]).await, []);
    assert_eq!(stored(&store, &large[0]).await, []);
    store.append_all(&many, None).await.expect("a hundred fit");
    assert_eq!(stored(&store, &many[99]).await.len(), 1);
}
