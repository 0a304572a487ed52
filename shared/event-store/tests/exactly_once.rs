//! Whatever goes wrong on the way, every command is applied exactly once or refused with its
//! reason, and a load is the fold of all events.
//!
//! The test knows nothing of what the store should contain: it asks the pure decision again, for
//! each part of each commit, what the command leads to on the fold of everything before it. So it also finds a
//! commit that was stored once, but decided on a state that was not there.

use std::collections::HashMap;

use envelope::{Aggregate, Cause, CommandId, CommitId, Timestamp, Version};
use event_store::contract::{Added, Command, Over, State, Tally};
use event_store::{
    AppendError, Carried, ClaimChecked, Commit, Decider, ExecuteError, Executed, Load, LoadError,
    Memory, Outcome, ReadError,
};
use ports::{Consistency, ManualClock, MemoryPayloads};
use proptest::prelude::*;
use testkit::Faulty;

const ID: &str = "one";

/// A redelivery within the ring: the race that may run in front of it must not push it out.
const REDELIVERED_MAX: usize = event_store::RECENT_MAX - RACERS_MAX as usize;
const RACERS_MAX: u64 = 3;

#[derive(Debug, Clone)]
enum Step {
    New(Command),
    /// Commands that one process has at the same time.
    Together(Vec<Command>),
    /// The cause of one of the newest commits, again.
    Again(usize),
}

#[derive(Debug, Clone)]
enum Fault {
    None,
    AnswerLost,
    WriteResent,
    Unavailable(u32),
    /// The objects beside the table are not there.
    Objects(u32),
    /// An object is put, and the answer lost.
    ObjectLate,
    Busy(u32),
    StaleLoad(usize),
    Race(u64),
}

/// Which process does it. The last one still has, or already has, another layout of the state.
#[derive(Debug, Clone, Copy)]
enum Process {
    First,
    Second,
    Restarted,
    OtherLayout,
}

type Calm = ClaimChecked<Memory, MemoryPayloads>;
type Store = ClaimChecked<Faulty<Memory>, Faulty<MemoryPayloads>>;
type Running<const L: u32> = Decider<Tally<L>, Store, ManualClock>;

struct World {
    /// What is stored, past the faults.
    calm: Calm,
    store: Store,
    faulty: Faulty<Memory>,
    objects: Faulty<MemoryPayloads>,
    clock: ManualClock,
    first: Running<1>,
    second: Running<1>,
    other: Running<2>,
    /// What was asked, by the commit that it leads to, and the layout that it was decided under.
    asked: HashMap<String, (Cause, Command, u32)>,
    refused: Vec<CommitId>,
}

fn cause(number: usize) -> Cause {
    Cause::command(&CommandId::new(format!("command-{number}")).expect("an id"))
}

/// What one cause led to, and the state that rides behind it, if there is one.
struct Part {
    commit_id: String,
    first: Version,
    events: Vec<Added>,
    carried: Option<Carried>,
}

fn parts(commits: &[Commit]) -> Vec<Part> {
    let mut parts = Vec::new();
    for commit in commits {
        let mut envelopes = commit.envelopes().into_iter();
        for part in commit.parts() {
            let own = envelopes.by_ref().take(part.events.len());
            parts.push(Part {
                commit_id: part.commit_id.as_str().to_owned(),
                first: part.first,
                events: own.map(|event| event.decode().expect("readable")).collect(),
                carried: None,
            });
        }
        if let Some(last) = parts.last_mut() {
            last.carried = commit.carried.clone();
        }
    }
    parts
}

fn fold<const L: u32>(parts: &[Part]) -> State {
    let events = parts.iter().flat_map(|part| &part.events);
    events.fold(State::default(), Tally::<L>::evolve)
}

impl World {
    /// The data of commits over this size are in objects.
    fn new(beyond: usize) -> Self {
        let (memory, payloads) = (Memory::default(), MemoryPayloads::default());
        let calm = ClaimChecked::new(memory.clone(), payloads.clone()).beyond(beyond);
        let (faulty, objects) = (Faulty::new(memory), Faulty::new(payloads));
        let store = ClaimChecked::new(faulty.clone(), objects.clone()).beyond(beyond);
        let clock = ManualClock::at(Timestamp::from_millis(0));
        Self {
            first: Decider::new(store.clone(), clock.clone()),
            second: Decider::new(store.clone(), clock.clone()),
            other: Decider::new(store.clone(), clock.clone()),
            asked: HashMap::new(),
            refused: Vec::new(),
            calm,
            store,
            faulty,
            objects,
            clock,
        }
    }

    async fn stored(&self) -> Vec<Part> {
        let stream = Tally::<1>::stream(ID).expect("an id");
        let commits = self
            .calm
            .read(&stream, Version::ZERO, Version::MAX, Consistency::Strong);
        parts(&commits.await.expect("readable"))
    }

    async fn step(
        &mut self,
        number: usize,
        step: Step,
        process: Process,
        fault: Fault,
        save: bool,
    ) {
        let stored = self.stored().await;
        let again = matches!(step, Step::Again(_));
        let commands = match step {
            Step::New(command) => vec![(cause(number), command)],
            Step::Together(commands) => {
                let numbered = commands.into_iter().enumerate();
                let cause = |index| cause(100_000 * (number + 1) + index);
                numbered.map(|(index, one)| (cause(index), one)).collect()
            }
            Step::Again(_) if stored.is_empty() => return,
            Step::Again(back) => {
                let index = stored.len() - 1 - back % REDELIVERED_MAX.min(stored.len());
                let (cause, command, _) = &self.asked[&stored[index].commit_id];
                vec![(cause.clone(), command.clone())]
            }
        };
        self.arm(number, &fault);
        match process {
            Process::First => self.run(self.first.clone(), commands, again, save).await,
            Process::Second => self.run(self.second.clone(), commands, again, save).await,
            Process::OtherLayout => self.run(self.other.clone(), commands, again, save).await,
            Process::Restarted => {
                let fresh = Running::<1>::new(self.store.clone(), self.clock.clone());
                self.run(fresh, commands, again, save).await;
            }
        }
        self.faulty.heal();
        self.objects.heal();
    }

    fn arm(&mut self, number: usize, fault: &Fault) {
        match fault {
            Fault::None => {}
            Fault::AnswerLost => self.faulty.lose_an_answer(),
            Fault::WriteResent => self.faulty.resend_a_write(),
            Fault::Unavailable(times) => self.faulty.be_unavailable(*times),
            Fault::Objects(times) => self.objects.be_unavailable(*times),
            Fault::ObjectLate => self.objects.lose_an_answer(),
            Fault::Busy(times) => self.faulty.be_busy(*times),
            Fault::StaleLoad(commits) => self.faulty.serve_a_stale_load(*commits),
            Fault::Race(racers) => {
                for racer in 0..*racers {
                    let cause =
                        cause(1_000 * (number + 1) + usize::try_from(racer).expect("small"));
                    let command = Command::Add(vec![Added::amount(racer + 1)]);
                    let key = cause.commit_id().as_str().to_owned();
                    self.asked.insert(key, (cause.clone(), command.clone(), 1));
                    let other = Decider::<Tally, _, _>::new(self.calm.clone(), self.clock.clone());
                    self.faulty.race(move || async move {
                        other
                            .execute(ID, &cause, &command)
                            .await
                            .expect("nothing is in its way");
                    });
                }
            }
        }
    }

    /// Delivers the commands until there is an answer to each, as a queue does.
    async fn run<const L: u32>(
        &mut self,
        process: Running<L>,
        commands: Vec<(Cause, Command)>,
        again: bool,
        save: bool,
    ) {
        if !again {
            for (cause, command) in &commands {
                let id = cause.commit_id().as_str().to_owned();
                self.asked.insert(id, (cause.clone(), command.clone(), L));
            }
        }
        let before = self.stored().await.len();
        let deliver = async |(cause, command): &(Cause, Command)| loop {
            match process.execute(ID, cause, command).await {
                Err(error) if is_unavailable(&error) => {}
                answer => break answer,
            }
        };
        let answers = futures::future::join_all(commands.iter().map(deliver)).await;
        let stored = self.stored().await;
        for ((cause, command), answer) in commands.iter().zip(&answers) {
            let id = cause.commit_id();
            let is_it = |part: &&Part| part.commit_id == id.as_str();
            let times = stored.iter().filter(is_it).count();
            let earliest = if commands.len() == 1 {
                stored.len()
            } else {
                before
            };
            check_answer::<L>(answer, times, &stored, earliest, command);
            if times == 0 {
                self.refused.push(id.clone());
            }
            assert!(!(again && times == 0), "what was stored stays stored");
        }
        let due = |answer: &Result<Executed<_>, _>| matches!(answer, Ok(one) if one.snapshot_due);
        if save || answers.iter().any(due) {
            // Whatever becomes of it: nothing depends on a snapshot.
            let _ = process.save_snapshot(ID).await;
        }
    }

    async fn check_history(&self) {
        let stored = self.stored().await;
        let (mut one, mut two) = (State::default(), State::default());
        for part in &stored {
            let (_, command, layout) = &self.asked[&part.commit_id];
            let decided = match layout {
                1 => Tally::<1>::decide(&one, command),
                _ => Tally::<2>::decide(&two, command),
            };
            let in_front = format!("decided on the state in front of {}", part.first);
            assert_eq!(decided.as_ref(), Ok(&part.events), "{in_front}");
            one = part.events.iter().fold(one, Tally::<1>::evolve);
            two = part.events.iter().fold(two, Tally::<2>::evolve);
            if let Some(carried) = &part.carried {
                let state: State = serde_json::from_slice(&carried.state).expect("a state");
                let all = if carried.layout == 1 { &one } else { &two };
                assert_eq!(&state, all, "the state that rides behind {}", part.first);
            }
        }
        for refused in &self.refused {
            assert!(
                stored.iter().all(|part| part.commit_id != refused.as_str()),
                "refused, and stored"
            );
        }
        self.check_loads::<1>(&stored).await;
        self.check_loads::<2>(&stored).await;
    }

    async fn check_loads<const L: u32>(&self, stored: &[Part]) {
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let cold = Decider::<Tally<L>, _, _>::new(self.calm.clone(), self.clock.clone());
            let loaded = cold.load(ID, consistency).await.expect("foldable");
            assert_eq!(loaded.state, fold::<L>(stored));
            assert_eq!(loaded.version.get(), loaded.state.events);
        }
    }
}

/// A refusal, or that nothing is to be done, is right if it was at some moment while the commands
/// were under way: with as many parts stored as `earliest`, or more.
fn check_answer<const L: u32>(
    answer: &Result<Executed<State>, ExecuteError<Over>>,
    times: usize,
    stored: &[Part],
    earliest: usize,
    command: &Command,
) {
    let moments = || (earliest..=stored.len()).map(|count| fold::<L>(&stored[..count]));
    match answer {
        Ok(Executed {
            outcome: Outcome::Applied | Outcome::Duplicate,
            ..
        }) => assert_eq!(times, 1),
        Ok(executed) => {
            assert_eq!(times, 0);
            let unchanged = |state| {
                state == executed.state && Tally::<L>::decide(&state, command) == Ok(vec![])
            };
            assert!(moments().any(unchanged), "there is something to be done");
        }
        Err(ExecuteError::Rejected(over)) => {
            assert_eq!(times, 0);
            let refused = |state| Tally::<L>::decide(&state, command).as_ref() == Err(over);
            assert!(moments().any(refused), "it need not be refused");
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_unavailable(error: &ExecuteError<Over>) -> bool {
    matches!(
        error,
        ExecuteError::Append(AppendError::Unavailable(_))
            | ExecuteError::Load(LoadError::Read(ReadError::Unavailable(_)))
    )
}

fn command() -> impl Strategy<Value = Command> {
    let padding = prop_oneof![3 => Just(0_usize), 2 => 1..700_usize, 1 => 700..4_000_usize];
    let ballast = prop_oneof![3 => Just(None), 1 => (0..200_usize).prop_map(Some), 1 => (200..3_000_usize).prop_map(Some), 1 => (33_000..40_000_usize).prop_map(Some)];
    let added = (0..50_u64, padding, ballast).prop_map(|(amount, padding, ballast)| {
        let added = Added::amount(amount).padded(padding);
        match ballast {
            Some(bytes) => added.with_ballast(bytes),
            None => added,
        }
    });
    let count = prop_oneof![5 => 1..4_usize, 1 => 4..40_usize];
    prop_oneof![
        4 => count.prop_flat_map(move |count| prop::collection::vec(added.clone(), count)).prop_map(Command::Add),
        1 => (1..50_u64, 0..2_000_u64).prop_map(|(amount, limit)| Command::AddUpTo { amount, limit }),
        1 => (0..2_000_u64).prop_map(Command::Reach),
    ]
}

fn step() -> impl Strategy<Value = (Step, Process, Fault, bool)> {
    let step = prop_oneof![
        3 => command().prop_map(Step::New),
        1 => prop::collection::vec(command(), 2..12).prop_map(Step::Together),
        1 => (0..REDELIVERED_MAX).prop_map(Step::Again),
    ];
    let process = prop_oneof![
        3 => Just(Process::First),
        2 => Just(Process::Second),
        2 => Just(Process::Restarted),
        1 => Just(Process::OtherLayout),
    ];
    let fault = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::AnswerLost),
        1 => Just(Fault::WriteResent),
        1 => (1..4_u32).prop_map(Fault::Unavailable),
        1 => (1..4_u32).prop_map(Fault::Objects),
        1 => Just(Fault::ObjectLate),
        1 => (1..4_u32).prop_map(Fault::Busy),
        1 => (1..20_usize).prop_map(Fault::StaleLoad),
        2 => (1..=RACERS_MAX).prop_map(Fault::Race),
    ];
    (step, process, fault, prop::bool::weighted(0.15))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_command_is_applied_exactly_once_or_refused_with_its_reason(
        steps in prop::collection::vec(step(), 1..60),
        beyond in prop_oneof![Just(usize::MAX), Just(0), 300..3_000_usize],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new(beyond);
            for (number, (step, process, fault, save)) in steps.into_iter().enumerate() {
                world.step(number, step, process, fault, save).await;
            }
            world.check_history().await;
        });
    }
}
