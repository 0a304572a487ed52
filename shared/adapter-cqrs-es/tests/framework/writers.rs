//! Several writers, lost answers, and commands that are sent twice.

use crate::account::{
    Account, Command, MODES, Mode, Overdrawn, carrying, framework, in_dynamo, stored,
};
use adapter_cqrs_es::{COMMAND_ID, Repository, RepositoryError};
use cqrs_es::{AggregateError, EventStore};
use envelope::Timestamp;
use event_store::{Append, AppendError, Load, Memory, SaveSnapshot, Scan};
use ports::{Clock, Deadline, SystemClock};
use std::collections::HashMap;
use testkit::Faulty;

fn moves(amount: i64) -> Command {
    Command::Move(vec![amount])
}

/// What is in the box of the framework's error.
fn boxed(error: &AggregateError<Overdrawn>) -> &RepositoryError {
    match error {
        AggregateError::DatabaseConnectionError(inner)
        | AggregateError::DeserializationError(inner)
        | AggregateError::UnexpectedError(inner) => {
            inner.downcast_ref().expect("one of the repository's")
        }
        other => panic!("not {other:?}"),
    }
}

async fn balance<S: Load + Append + SaveSnapshot + Scan>(store: &S) -> (i64, u64) {
    let context = stored(carrying(store), Mode::Aggregates)
        .load_aggregate("1")
        .await;
    let account: Account = context.expect("readable").aggregate;
    (account.balance, account.movements)
}

async fn of_two_writers_one_wins<S: Load + Append + SaveSnapshot + Scan>(store: S, mode: Mode) {
    for repository in [carrying(&store), Repository::new(store.clone())] {
        let (before, events) = balance(&store).await;
        let late = stored(repository.clone(), mode);
        let context = late.load_aggregate("1").await.expect("readable");
        let cqrs = framework(&repository, mode);
        cqrs.execute("1", moves(5)).await.expect("applied");
        let lost = crate::account::Movement::Moved {
            amount: 100,
            memo: String::new(),
        };
        let conflict = late
            .commit(vec![lost.clone(), lost], context, HashMap::new())
            .await;
        assert!(matches!(conflict, Err(AggregateError::AggregateConflict)));
        assert_eq!(balance(&store).await, (before + 5, events + 1), "{mode:?}");
    }
}

#[tokio::test]
async fn of_two_writers_at_one_version_one_wins_and_the_other_learns_of_a_conflict() {
    for mode in MODES {
        of_two_writers_one_wins(Memory::default(), mode).await;
    }
    let (store, _dynamo) = in_dynamo().await;
    of_two_writers_one_wins(store, Mode::Aggregates).await;
}

#[tokio::test]
async fn eight_writers_who_try_again_after_each_conflict_lose_and_repeat_nothing() {
    let (store, _dynamo) = in_dynamo().await;
    let writers = (0..8).map(|_| {
        let cqrs = framework(&carrying(&store), Mode::Aggregates);
        tokio::spawn(async move {
            for _ in 0..10 {
                while let Err(error) = cqrs.execute("1", moves(3)).await {
                    assert!(
                        matches!(error, AggregateError::AggregateConflict),
                        "{error:?}"
                    );
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no writer fails");
    }
    assert_eq!(balance(&store).await, (240, 80));
}

#[tokio::test]
async fn a_transaction_that_is_under_way_is_a_conflict() {
    let store = Faulty::new(Memory::default());
    store.be_busy(1);
    let conflict = framework(&carrying(&store), Mode::Aggregates)
        .execute("1", moves(1))
        .await;
    assert!(
        matches!(conflict, Err(AggregateError::AggregateConflict)),
        "{conflict:?}"
    );
    assert_eq!(balance(&store).await, (0, 0));
}

#[tokio::test]
async fn a_write_that_the_client_sends_twice_succeeds_once() {
    let store = Faulty::new(Memory::default());
    for repository in [carrying(&store), Repository::new(store.clone())] {
        let (before, events) = balance(&store).await;
        store.resend_a_write();
        let sent = framework(&repository, Mode::Aggregates)
            .execute("1", moves(7))
            .await;
        sent.expect("its own commit is no conflict");
        assert_eq!(balance(&store).await, (before + 7, events + 1));
    }
}

#[tokio::test]
async fn under_a_deadline_a_lost_answer_is_found_out() {
    let store = Faulty::new(Memory::default());
    let cqrs = framework(&carrying(&store), Mode::Aggregates);
    store.lose_an_answer();
    let error = cqrs.execute("1", moves(7)).await.expect_err("lost");
    assert!(matches!(
        boxed(&error),
        RepositoryError::Append(AppendError::Unavailable(_))
    ));
    store.lose_an_answer();
    let minute = Timestamp::from_millis(SystemClock.now().as_millis() + 60_000);
    let repeated = Deadline::at(minute)
        .around(cqrs.execute("1", moves(7)))
        .await;
    repeated.expect("the second attempt meets its own commit");
    assert_eq!(balance(&store).await, (14, 2));
}

#[tokio::test]
async fn a_command_with_an_id_that_is_sent_again_is_named_a_duplicate() {
    let (store, _dynamo) = in_dynamo().await;
    let metadata = || HashMap::from([(COMMAND_ID.to_owned(), "deposit-1".to_owned())]);
    let first = framework(&carrying(&store), Mode::Aggregates);
    first
        .execute_with_metadata("1", moves(7), metadata())
        .await
        .expect("applied");
    first.execute("1", moves(1)).await.expect("another command");
    for process in [first, framework(&carrying(&store), Mode::Aggregates)] {
        let again = process
            .execute_with_metadata("1", moves(7), metadata())
            .await;
        let error = again.expect_err("a duplicate");
        assert!(matches!(boxed(&error), RepositoryError::Duplicate(id) if id == "deposit-1"));
    }
    assert_eq!(balance(&store).await, (8, 2));
}

#[tokio::test]
async fn a_refused_command_and_one_without_events_store_nothing() {
    let store = Memory::default();
    for mode in MODES {
        let cqrs = framework(&carrying(&store), mode);
        let refusal = cqrs.execute("1", moves(-1)).await;
        assert!(matches!(refusal, Err(AggregateError::UserError(Overdrawn))));
        cqrs.execute("1", Command::Move(Vec::new()))
            .await
            .expect("nothing to do");
    }
    assert!(store.log_from(0).is_empty());
}

#[tokio::test]
async fn a_hundred_events_are_one_commit_and_too_many_bytes_are_none() {
    let (store, _dynamo) = in_dynamo().await;
    let cqrs = framework(&carrying(&store), Mode::Aggregates);
    cqrs.execute("1", Command::Move(vec![1; 100]))
        .await
        .expect("applied");
    let error = cqrs
        .execute("1", Command::Pad(410_000))
        .await
        .expect_err("too large");
    assert!(matches!(
        boxed(&error),
        RepositoryError::Append(AppendError::TooLarge { .. })
    ));
    let error = cqrs.execute("a#b", moves(1)).await.expect_err("no key");
    assert!(matches!(boxed(&error), RepositoryError::InvalidId(_)));
    assert_eq!(balance(&store).await, (100, 100));
}

#[tokio::test]
async fn times_in_a_stream_never_decrease_whatever_the_clocks_do() {
    let ahead = Timestamp::from_millis(SystemClock.now().as_millis() + 3_600_000);
    for mode in MODES {
        for with_states in [true, false] {
            let first = Memory::default();
            framework(&carrying(&first), mode)
                .execute("1", moves(1))
                .await
                .expect("applied");
            let store = Memory::default();
            for mut commit in first.log_from(0) {
                commit.time = ahead;
                store.append(&commit).await.expect("free");
            }
            let repository = match with_states {
                true => carrying(&store),
                false => Repository::new(store.clone()),
            };
            for _ in 0..2 {
                framework(&repository, mode)
                    .execute("1", moves(1))
                    .await
                    .expect("applied");
            }
            let times = store.log_from(0).into_iter().map(|commit| commit.time);
            assert_eq!(
                times.collect::<Vec<_>>(),
                [ahead; 3],
                "{mode:?} {with_states}"
            );
        }
    }
}
