//! Commands that share a write, when that write, or one of their callers, goes wrong.

mod refusing;

use envelope::{Cause, CommandId, Timestamp, Version};
use event_store::contract::{Added, Command, Over, State, Tally};
use event_store::{AppendError, Decider, ExecuteError, Executed, Load, Memory, Outcome};
use ports::{Consistency, Ids, ManualClock, RandomIds};
use testkit::Faulty;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ID: &str = "one";

type Process = Decider<Tally, Faulty<Memory>, ManualClock>;
type Answer = Result<Executed<State>, ExecuteError<Over>>;

struct World {
    memory: Memory,
    faulty: Faulty<Memory>,
    process: Process,
}

impl World {
    /// A stream with one event, which the process remembers.
    async fn new() -> Self {
        let memory = Memory::default();
        let faulty = Faulty::new(memory.clone());
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let process = Decider::new(faulty.clone(), clock);
        let world = Self {
            memory,
            faulty,
            process,
        };
        let first = world.start(&cause()).await.expect("not cancelled");
        assert_eq!(first.expect("applied").outcome, Outcome::Applied);
        world
    }

    /// Begins a command that adds 1, and returns as soon as it waits for something.
    fn start(&self, cause: &Cause) -> JoinHandle<Answer> {
        self.start_one(cause, Command::Add(vec![Added::amount(1)]))
    }

    fn start_one(&self, cause: &Cause, command: Command) -> JoinHandle<Answer> {
        let (process, cause) = (self.process.clone(), cause.clone());
        tokio::spawn(async move { process.execute(ID, &cause, &command).await })
    }

    /// Another process, at the same table.
    fn other(&self) -> Decider<Tally, Memory, ManualClock> {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        Decider::new(self.memory.clone(), clock)
    }

    /// Has these commands share a write: they wait behind one that is cancelled.
    async fn share(&self, commands: impl IntoIterator<Item = (Cause, Command)>) -> Vec<Answer> {
        hang(self);
        let cancelled = self.start(&cause());
        tokio::task::yield_now().await;
        let mut started = Vec::new();
        for (cause, command) in commands {
            started.push(self.start_one(&cause, command));
            tokio::task::yield_now().await;
        }
        cancelled.abort();
        let mut answers = Vec::new();
        for one in started {
            answers.push(one.await.expect("not cancelled"));
        }
        answers
    }

    /// Starts so many commands; the first one leads, the others wait behind its write.
    async fn start_all(&self, causes: &[Cause]) -> Vec<JoinHandle<Answer>> {
        let mut started = Vec::new();
        for cause in causes {
            started.push(self.start(cause));
            tokio::task::yield_now().await;
        }
        started
    }

    async fn events(&self) -> usize {
        self.commits().await.iter().sum()
    }

    /// How many events each commit has.
    async fn commits(&self) -> Vec<usize> {
        let stream = envelope::StreamId::new("Tally", ID).expect("an id");
        let all = (Version::ZERO, Version::MAX);
        let commits = self
            .memory
            .read(&stream, all.0, all.1, Consistency::Strong)
            .await;
        let commits = commits.expect("readable");
        commits.iter().map(|commit| commit.events.len()).collect()
    }
}

fn cause() -> Cause {
    Cause::command(&CommandId::from_uuid(RandomIds.next()))
}

fn causes(count: usize) -> Vec<Cause> {
    (0..count).map(|_| cause()).collect()
}

/// The next write hangs until its caller is cancelled.
fn hang(world: &World) {
    world.faulty.race(std::future::pending);
}

/// A command whose write is under way, and is held up until the answer of this is dropped; the others wait behind it.
async fn hold_up(
    world: &World,
    others: &[Cause],
) -> (oneshot::Sender<()>, Vec<JoinHandle<Answer>>) {
    let (go, held) = oneshot::channel::<()>();
    world.faulty.race(|| async {
        let _ = held.await;
    });
    let mut started = world.start_all(&causes(1)).await;
    tokio::task::yield_now().await;
    started.extend(world.start_all(others).await);
    (go, started)
}

#[tokio::test]
async fn a_shared_write_whose_answer_was_lost_has_succeeded() {
    let world = World::new().await;
    let (go, started) = hold_up(&world, &causes(20)).await;
    // Both writes, that of the first and that of the others, are sent twice by the client.
    world.faulty.resend_a_write();
    world.faulty.resend_a_write();
    drop(go);
    for one in started {
        let executed = one.await.expect("not cancelled").expect("carried out");
        assert_eq!(executed.outcome, Outcome::Applied);
        assert_eq!(executed.events().len(), 1);
        assert_eq!(executed.events()[0].version, executed.version);
    }
    assert_eq!(world.commits().await, [1, 1, 20]);
}

#[tokio::test]
async fn a_shared_write_that_fails_fails_for_all_and_can_be_repeated() {
    for applied in [false, true] {
        let world = World::new().await;
        let causes = causes(20);
        let (go, mut started) = hold_up(&world, &causes).await;
        let others = started.split_off(1);
        drop(go);
        for first in started {
            first.await.expect("not cancelled").expect("carried out");
        }
        if applied {
            world.faulty.lose_an_answer();
        } else {
            world.faulty.be_unavailable(1);
        }
        for one in others {
            match one.await.expect("not cancelled") {
                Err(ExecuteError::Append(AppendError::Unavailable(_))) => {}
                other => panic!("the write failed, not {other:?}"),
            }
        }
        for one in world.start_all(&causes).await {
            one.await.expect("not cancelled").expect("carried out");
        }
        assert_eq!(world.events().await, 22);
    }
}

#[tokio::test]
async fn a_race_lost_by_a_group_is_decided_again_for_each() {
    let world = World::new().await;
    let other = world.other();
    let add = Command::Add(vec![Added::amount(100); 2]);
    world.faulty.race(move || async move {
        other.execute(ID, &cause(), &add).await.expect("applied");
    });
    for one in world.start_all(&causes(10)).await {
        let executed = one.await.expect("not cancelled").expect("carried out");
        assert_eq!(executed.state.sum, executed.state.events - 2 + 200);
    }
    assert_eq!(world.events().await, 13);
}

#[tokio::test]
async fn a_cancelled_leader_holds_nobody_up() {
    let world = World::new().await;
    hang(&world);
    let leader = world.start(&cause());
    tokio::task::yield_now().await;
    let others = world.start_all(&causes(10)).await;
    leader.abort();
    assert!(leader.await.is_err());
    for one in others {
        let executed = one.await.expect("not cancelled").expect("carried out");
        assert_eq!(executed.outcome, Outcome::Applied);
    }
    assert_eq!(world.events().await, 11, "the hanging write had no effect");
}

#[tokio::test]
async fn those_whom_a_cancelled_leader_took_along_begin_anew() {
    let world = World::new().await;
    let (go, mut started) = hold_up(&world, &causes(10)).await;
    // The first write goes through; the second, with all the others in it, hangs.
    hang(&world);
    drop(go);
    let mut others = started.split_off(1).into_iter();
    for first in started {
        first.await.expect("not cancelled").expect("carried out");
    }
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let leader = others.next().expect("ten");
    leader.abort();
    assert!(leader.await.is_err());
    for one in others {
        let executed = one.await.expect("not cancelled").expect("carried out");
        assert_eq!(executed.outcome, Outcome::Applied);
    }
    assert_eq!(world.events().await, 11);
}

#[tokio::test]
async fn who_is_cancelled_while_waiting_is_passed_over() {
    let world = World::new().await;
    hang(&world);
    let leader = world.start(&cause());
    tokio::task::yield_now().await;
    let mut others = world.start_all(&causes(10)).await;
    let last = others.pop().expect("ten");
    leader.abort();
    // The lead goes to each of them in turn, and none is there any more.
    for one in others {
        one.abort();
        assert!(one.await.is_err());
    }
    let executed = last.await.expect("not cancelled").expect("carried out");
    assert_eq!(executed.outcome, Outcome::Applied);
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn streams_do_not_wait_for_each_other() {
    let world = World::new().await;
    hang(&world);
    let stuck = world.start(&cause());
    tokio::task::yield_now().await;
    let add = Command::Add(vec![Added::amount(1)]);
    let other = world.process.execute("two", &cause(), &add).await;
    assert_eq!(other.expect("applied").outcome, Outcome::Applied);
    assert!(!stuck.is_finished());
    stuck.abort();
}

#[tokio::test]
async fn a_command_that_is_too_large_is_answered_alone() {
    let world = World::new().await;
    let (again, add) = (cause(), Command::Add(vec![Added::amount(1)]));
    let executed = world.process.execute(ID, &again, &add).await;
    executed.expect("applied");
    let large = Command::Add(vec![Added::amount(1).padded(500 * 1024)]);
    for first in [true, false] {
        let (duplicate, large) = ((again.clone(), add.clone()), (cause(), large.clone()));
        let mut answers = if first {
            world.share([duplicate, large]).await
        } else {
            world.share([large, duplicate]).await
        };
        if !first {
            answers.reverse();
        }
        let [
            Ok(again),
            Err(ExecuteError::Append(AppendError::TooLarge { .. })),
        ] = &answers[..]
        else {
            panic!("{answers:?}");
        };
        assert_eq!(again.outcome, Outcome::Duplicate);
    }
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn one_of_those_that_share_a_write_is_told_to_save_the_snapshot() {
    let world = World::new().await;
    let large = Command::Add(vec![
        Added::amount(1).with_ballast(40 * 1024).padded(200 * 1024),
    ]);
    let small = Command::Add(vec![Added::amount(1)]);
    let commands = [large, small.clone(), small].map(|command| (cause(), command));
    let answers = world.share(commands).await;
    let due = |answer: &Answer| answer.as_ref().expect("carried out").snapshot_due;
    assert_eq!(answers.iter().filter(|answer| due(answer)).count(), 1);
}
