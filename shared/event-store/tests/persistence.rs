//! What a command does under the deadline of an invocation when the table does not answer.

use envelope::{Cause, CommandId, Timestamp};
use event_store::contract::{Added, Command, Tally};
use event_store::{AppendError, Decider, ExecuteError, Load, Memory, Outcome, Transaction};
use ports::{Clock, Consistency, Deadline, Ids, ManualClock, RandomIds};
use testkit::Faulty;

const ID: &str = "one";

fn cause() -> Cause {
    Cause::command(&CommandId::from_uuid(RandomIds.next()))
}

fn one() -> Command {
    Command::Add(vec![Added::amount(1)])
}

fn deadline_in(clock: &ManualClock, millis: i64) -> Deadline {
    Deadline::at(Timestamp::from_millis(clock.now().as_millis() + millis))
}

#[tokio::test]
async fn reads_and_writes_are_repeated_until_they_succeed() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let faulty = Faulty::new(Memory::default());
    let process = Decider::<Tally, _, _>::new(faulty.clone(), clock.clone());
    for failures in [1, 4, 8] {
        faulty.be_unavailable(failures);
        let (cause, add) = (cause(), one());
        let execute = process.execute(ID, &cause, &add);
        let executed = deadline_in(&clock, 60_000).around(execute).await;
        assert_eq!(executed.expect("in the end").outcome, Outcome::Applied);
    }
    let folded = process.load(ID, Consistency::Strong).await;
    assert_eq!(folded.expect("foldable").state.sum, 3);
}

#[tokio::test]
async fn a_write_that_was_applied_is_not_repeated_in_effect() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let memory = Memory::default();
    let faulty = Faulty::new(memory.clone());
    let process = Decider::<Tally, _, _>::new(faulty.clone(), clock.clone());
    faulty.lose_an_answer();
    let (cause, add) = (cause(), one());
    let execute = process.execute(ID, &cause, &add);
    let executed = deadline_in(&clock, 60_000).around(execute).await;
    let executed = executed.expect("in the end");
    assert_eq!(executed.outcome, Outcome::Applied);
    assert_eq!(executed.events().len(), 1);
    assert_eq!(memory.log_from(0).len(), 1);
}

#[tokio::test]
async fn it_ends_in_time_to_answer() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let faulty = Faulty::new(Memory::default());
    let process = Decider::<Tally, _, _>::new(faulty.clone(), clock.clone());
    process.load(ID, Consistency::Strong).await.expect("empty");
    faulty.be_unavailable(1_000);
    let (cause, add) = (cause(), one());
    let load = process.execute(ID, &cause, &add);
    let result = deadline_in(&clock, 20_000).around(load).await;
    match result {
        Err(ExecuteError::Load(_) | ExecuteError::Append(AppendError::Unavailable(_))) => {}
        other => panic!("the table never answers, and the answer is {other:?}"),
    }
    let spent_ms = clock.now().as_millis();
    assert!((10_000..20_000).contains(&spent_ms), "{spent_ms} ms");
    faulty.heal();
    let stream = envelope::StreamId::new("Tally", ID).expect("an id");
    let (from, to) = (envelope::Version::ZERO, envelope::Version::MAX);
    let stored = faulty.read(&stream, from, to, Consistency::Strong).await;
    assert_eq!(stored.expect("readable"), []);
}

#[tokio::test]
async fn transactions_and_snapshots_are_repeated_too() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let memory = Memory::default();
    let faulty = Faulty::new(memory.clone());
    let process = Decider::<Tally, _, _>::new(faulty.clone(), clock.clone());
    let cause = cause();
    let mut transaction = Transaction::new(&cause);
    for id in ["one", "two"] {
        let seen = process.load(id, Consistency::Strong).await.expect("empty");
        let added = transaction.add(&process, id, &seen, &[Added::amount(1)]);
        added.expect("an id");
    }
    faulty.be_throttled(3);
    faulty.lose_an_answer();
    let commit = transaction.commit(&faulty, &clock);
    let committed = deadline_in(&clock, 60_000).around(commit).await;
    committed.expect("in the end");
    assert_eq!(memory.log_from(0).len(), 2);

    faulty.be_throttled(3);
    let save = process.save_snapshot("one");
    let saved = deadline_in(&clock, 60_000).around(save).await;
    assert!(saved.expect("in the end"));
}
