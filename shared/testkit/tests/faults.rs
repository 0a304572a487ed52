//! What the caller sees of each fault.

use bank_account::{Account, Command, Currency, Money, Rejection};
use envelope::{Aggregate, Cause, CommandId, Timestamp, Version};
use event_store::{
    Append, AppendError, Decider, ExecuteError, Load, LoadError, Memory, Outcome, ReadError,
};
use ports::{Consistency, ManualClock, Soon, Unavailable};
use testkit::Faulty;

/// How often a decider decides one command against others.
const ATTEMPTS: u32 = 10;

type Accounts<S> = Decider<Account, S, ManualClock>;

fn euro(minor_units: i64) -> Money {
    Money::new(minor_units, Currency::new("EUR").expect("a code"))
}

fn cause(id: &str) -> Cause {
    Cause::command(&CommandId::new(id).expect("an id"))
}

/// A process whose store fails as it is told, and another one whose store does not. There is 1000
/// in the account, and both have it in their caches.
async fn two_processes() -> (Faulty<Memory>, Accounts<Faulty<Memory>>, Accounts<Memory>) {
    let memory = Memory::default();
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let faulty = Faulty::new(memory.clone());
    let here = Accounts::new(faulty.clone(), clock.clone());
    let there = Accounts::new(memory, clock);
    let open = Command::Open {
        owner: "Ada".to_owned(),
        deposit: euro(1000),
    };
    let opened = here.execute("ada", &cause("open"), &open).await;
    opened.expect("granted");
    let seen = there.load("ada", Consistency::Strong).await;
    assert_eq!(seen.expect("readable").state.balance(), Some(euro(1000)));
    (faulty, here, there)
}

async fn deposit<S>(decider: &Accounts<S>, id: &str) -> Result<Outcome, ExecuteError<Rejection>>
where
    S: Load + Append,
{
    let (cause, command) = (cause(id), Command::Deposit(euro(1)));
    let executed = decider.execute("ada", &cause, &command).await;
    executed.map(|executed| executed.outcome)
}

async fn balance(decider: &Accounts<Memory>) -> Option<Money> {
    let loaded = decider.load("ada", Consistency::Strong).await;
    loaded.expect("readable").state.balance()
}

fn unavailable<T: std::fmt::Debug>(result: Result<T, ExecuteError<Rejection>>) -> Unavailable {
    match result {
        Err(
            ExecuteError::Append(AppendError::Unavailable(unavailable))
            | ExecuteError::Load(LoadError::Read(ReadError::Unavailable(unavailable))),
        ) => unavailable,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn a_failure_says_whether_another_attempt_is_worth_it_and_stores_nothing() {
    type Fault = fn(&Faulty<Memory>, u32);
    let (faulty, here, there) = two_processes().await;
    let faults: [(Fault, Soon); 3] = [
        (Faulty::be_unavailable, Soon::Likely),
        (Faulty::be_throttled, Soon::Throttled),
        (Faulty::be_denied, Soon::Unlikely),
    ];
    for (be, soon) in faults {
        be(&faulty, 2);
        for _ in 0..2 {
            assert_eq!(unavailable(deposit(&here, "one").await).soon, soon);
        }
    }
    assert_eq!(balance(&there).await, Some(euro(1000)));
    assert_eq!(deposit(&here, "one").await.expect("well"), Outcome::Applied);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_there() {
    let (faulty, here, there) = two_processes().await;
    faulty.lose_an_answer();
    unavailable(deposit(&here, "one").await);
    assert_eq!(balance(&there).await, Some(euro(1001)));
    assert_eq!(
        deposit(&here, "one").await.expect("found"),
        Outcome::Applied
    );
    assert_eq!(balance(&there).await, Some(euro(1001)));
}

#[tokio::test]
async fn a_write_that_is_sent_again_meets_itself_and_is_applied_once() {
    let (faulty, here, there) = two_processes().await;
    faulty.resend_a_write();
    assert_eq!(deposit(&here, "one").await.expect("well"), Outcome::Applied);
    assert_eq!(balance(&there).await, Some(euro(1001)));

    let stream = Account::stream("ada").expect("an id");
    let two = Version::new(2);
    let commits = faulty.read(&stream, two, two, Consistency::Strong).await;
    let mut commit = commits.expect("readable").remove(0);
    commit.first = Version::new(3);
    faulty.resend_a_write();
    match faulty.append(&commit).await {
        Err(AppendError::Conflict(winner)) => assert_eq!(*winner, commit),
        other => panic!("it did not meet itself: {other:?}"),
    }
}

#[tokio::test]
async fn a_stale_load_misses_commits_once_and_a_write_on_it_still_finds_its_place() {
    let (faulty, _, there) = two_processes().await;
    deposit(&there, "theirs").await.expect("granted");
    faulty.serve_a_stale_load(1);
    let cold = Accounts::new(faulty, ManualClock::at(Timestamp::from_millis(0)));
    let stale = cold.load("ada", Consistency::Eventual).await;
    assert_eq!(stale.expect("readable").state.balance(), Some(euro(1000)));
    assert_eq!(
        deposit(&cold, "ours").await.expect("well"),
        Outcome::Applied
    );
    assert_eq!(balance(&there).await, Some(euro(1002)));
}

#[tokio::test]
async fn a_busy_stream_is_waited_for() {
    let (faulty, here, _) = two_processes().await;
    faulty.be_busy(ATTEMPTS - 1);
    assert_eq!(deposit(&here, "one").await.expect("well"), Outcome::Applied);
}

#[tokio::test]
async fn a_storm_is_survived_or_given_up_and_every_rival_s_commit_is_there() {
    for (rivals, survived) in [(1, true), (ATTEMPTS - 1, true), (ATTEMPTS, false)] {
        let (faulty, here, there) = two_processes().await;
        faulty.storm(rivals, &there, "ada", &Command::Deposit(euro(100)));
        let outcome = deposit(&here, "ours").await;
        match (&outcome, survived) {
            (Ok(Outcome::Applied), true) | (Err(ExecuteError::Contended), false) => {}
            _ => panic!("{rivals} rivals: {outcome:?}"),
        }
        let theirs = 1000 + 100 * i64::from(rivals);
        let all = theirs + i64::from(survived);
        assert_eq!(balance(&there).await, Some(euro(all)), "{rivals} rivals");
    }
}

#[tokio::test]
async fn a_second_storm_is_another_one() {
    let (faulty, here, there) = two_processes().await;
    let theirs = Command::Deposit(euro(100));
    faulty.storm(3, &there, "ada", &theirs);
    faulty.heal();
    faulty.storm(1, &there, "ada", &theirs);
    deposit(&here, "one").await.expect("survived");
    faulty.heal();
    faulty.storm(1, &there, "ada", &theirs);
    deposit(&here, "two").await.expect("survived");
    assert_eq!(balance(&there).await, Some(euro(1202)));
}

#[tokio::test]
#[should_panic(expected = "the rival stored nothing")]
async fn a_storm_that_is_none_fails_the_test() {
    let (faulty, here, there) = two_processes().await;
    faulty.storm(1, &there, "ada", &Command::Withdraw(euro(9999)));
    let _ = deposit(&here, "one").await;
}
