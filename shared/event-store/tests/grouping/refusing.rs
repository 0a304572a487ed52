//! What is refused, or found to be done already, beside other commands: on the newest state only.

use envelope::{StreamId, Timestamp, Version};
use event_store::contract::{Added, Command, Tally};
use event_store::{
    Append, AppendError, Commit, Decider, ExecuteError, Load, Loaded, Memory, Outcome, ReadError,
};
use ports::{Consistency, ManualClock};

use crate::{ID, World, cause};

/// The conflict shows that the commit is there, and not that nothing came behind it.
#[tokio::test]
async fn a_refusal_beside_a_commit_of_long_ago_rests_on_the_newest_state() {
    let world = World::new().await;
    let (again, add) = (cause(), Command::Add(vec![Added::amount(1)]));
    world.faulty.lose_an_answer();
    let lost = world.process.execute(ID, &again, &add).await;
    assert!(lost.is_err(), "its answer is lost");
    // More than the stream remembers commits.
    for _ in 0..10 {
        let more = Command::Add(vec![Added::amount(10)]);
        let added = world.other().execute(ID, &cause(), &more).await;
        added.expect("applied");
    }
    let limited = Command::AddUpTo {
        amount: 1,
        limit: 2,
    };
    let answers = world.share([(again, add), (cause(), limited)]).await;
    let [Ok(again), Err(ExecuteError::Rejected(over))] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(again.outcome, Outcome::Duplicate);
    assert_eq!(over.sum, 102);
    assert_eq!(world.events().await, 12);
}

/// Strongly consistent loads are answered with what was there when they began, and only when told.
#[derive(Clone)]
struct Late {
    memory: Memory,
    go: std::sync::Arc<tokio::sync::Notify>,
}

impl Load for Late {
    async fn load(
        &self,
        stream: &StreamId,
        layout: u32,
        until: Version,
        consistency: Consistency,
    ) -> Result<Loaded, ReadError> {
        let loaded = self.memory.load(stream, layout, until, consistency).await;
        if consistency == Consistency::Strong {
            self.go.notified().await;
        }
        loaded
    }

    async fn read(
        &self,
        stream: &StreamId,
        from: Version,
        to: Version,
        consistency: Consistency,
    ) -> Result<Vec<Commit>, ReadError> {
        self.memory.read(stream, from, to, consistency).await
    }
}

impl Append for Late {
    async fn append(&self, commit: &Commit) -> Result<(), AppendError> {
        self.memory.append(commit).await
    }
}

#[tokio::test]
async fn a_command_is_not_refused_on_a_read_that_began_before_it_came() {
    let world = World::new().await;
    let late = Late {
        memory: world.memory.clone(),
        go: std::sync::Arc::default(),
    };
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let process = Decider::<Tally, _, _>::new(late.clone(), clock);
    let refused = |process: Decider<Tally, Late, ManualClock>| {
        tokio::spawn(async move {
            let limited = Command::AddUpTo {
                amount: 1,
                limit: 1,
            };
            match process.execute(ID, &cause(), &limited).await {
                Err(ExecuteError::Rejected(over)) => over.sum,
                other => panic!("the sum would pass the limit, and the answer is {other:?}"),
            }
        })
    };
    let early = refused(process.clone());
    tokio::task::yield_now().await;
    let more = Command::Add(vec![Added::amount(100)]);
    let added = world.other().execute(ID, &cause(), &more).await;
    added.expect("applied");
    let later = refused(process);
    tokio::task::yield_now().await;
    late.go.notify_one();
    assert_eq!(early.await.expect("answered"), 1);
    late.go.notify_one();
    assert_eq!(later.await.expect("answered"), 101);
}
