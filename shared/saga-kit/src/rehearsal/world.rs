//! A world with one saga in it: what is in flight, who gets it, and what time it is.

use std::collections::BTreeMap;

use envelope::{Cause, CommandId, Envelope, EventData, EventId, Timestamp, Version};
use event_store::{Commit, Decider, Memory};
use futures::FutureExt;
use ports::{Clock, Consistency, ManualClock, MemoryTimers};
use reaction::React;
use saga::events::SagaTimerSet;
use saga::{Conducted, Definition, Happening, Intervention, Saga, State, Undo, What};
use serde_json::{Value, json};

use super::fragile::Fragile;
use super::service::{Service, Trouble};
use super::{Crash, Struck};
use crate::Conductor;

const ID: &str = "s-1";
/// A saga that is not at rest after so many deliveries never will be.
const DELIVERIES_MAX: usize = 20_000;

/// What goes wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// How often everything is delivered; at random if 0.
    pub(super) copies: usize,
    pub(super) troubles: BTreeMap<&'static str, Trouble>,
    /// A conductor dies when it hears of this type of event for the first time.
    pub(super) crash_at: Option<(&'static str, Crash)>,
    /// One in so many conductors dies.
    pub(super) crash_one_in: usize,
    /// After so many deliveries somebody calls it off.
    pub(super) called_off_after: Option<usize>,
}

impl Plan {
    /// Anything.
    pub(super) fn drawn(dice: &mut fastrand::Rng, definition: &Definition) -> Self {
        let mut troubles = BTreeMap::new();
        for step in definition.steps() {
            if dice.usize(..3) == 0 {
                troubles.insert(step.name, Trouble::ALL[dice.usize(..Trouble::ALL.len())]);
            }
        }
        Self {
            copies: 0,
            troubles,
            crash_at: None,
            crash_one_in: 5,
            called_off_after: (dice.usize(..3) == 0).then(|| dice.usize(..12)),
        }
    }
}

type Process<G> = Conductor<G, Fragile, MemoryTimers, ManualClock>;

pub(super) struct World<G: Saga> {
    pub(super) definition: &'static Definition,
    pub(super) plan: Plan,
    pub(super) dice: fastrand::Rng,
    clock: ManualClock,
    store: Memory,
    timers: MemoryTimers,
    /// Each with a memory of its own, which may be outdated.
    processes: Vec<(Process<G>, Fragile)>,
    pub(super) services: BTreeMap<&'static str, Service>,
    /// The version of the stream that the saga began with, and whether that has ended.
    pub(super) start: (u64, bool),
    relayed: usize,
    pub(super) mail: Vec<Envelope>,
    pub(super) late: Vec<Envelope>,
    pub(super) lost: Vec<Envelope>,
    /// Commands that reach their service only when their step was undone.
    pub(super) held_back: Vec<(&'static str, Envelope)>,
    pub(super) deliveries: usize,
    pub(super) struck: Struck,
    events: u64,
}

impl<G: Saga> World<G> {
    pub(super) fn new(definition: &'static Definition, seed: u64, plan: Plan) -> Self {
        let trouble = |name| plan.troubles.get(name).copied().unwrap_or(Trouble::None);
        let mut services: BTreeMap<_, _> = definition
            .steps()
            .map(|step| (step.name, Service::new(step, trouble(step.name))))
            .collect();
        if plan
            .troubles
            .values()
            .any(|trouble| *trouble == Trouble::RefusesAndUndoSilent)
        {
            services
                .values_mut()
                .for_each(|service| service.undo_silent = true);
        }
        let mut world = Self {
            definition,
            plan,
            dice: fastrand::Rng::with_seed(seed),
            clock: ManualClock::at(Timestamp::from_millis(1_700_000_000_000)),
            store: Memory::default(),
            timers: MemoryTimers::default(),
            processes: Vec::new(),
            services,
            start: (0, false),
            relayed: 0,
            mail: Vec::new(),
            late: Vec::new(),
            lost: Vec::new(),
            held_back: Vec::new(),
            deliveries: 0,
            struck: Struck::default(),
            events: 0,
        };
        world.processes = (0..2).map(|_| world.process()).collect();
        world
    }

    fn process(&self) -> (Process<G>, Fragile) {
        let store = Fragile::new(self.store.clone());
        let (timers, clock) = (self.timers.clone(), self.clock.clone());
        (Conductor::new(store.clone(), timers, clock), store)
    }

    pub(super) fn begin(&mut self, data: &Value) {
        self.start.0 += 1;
        let kind = (self.definition.start.event, self.start.0);
        let event = self.event("start", kind, data.clone(), None);
        self.post(event);
    }

    pub(super) fn state(&self) -> State {
        let sagas = Decider::<Conducted<G>, _, _>::new(self.store.clone(), self.clock.clone());
        let loaded = sagas.load(ID, Consistency::Strong).now_or_never();
        loaded
            .expect("memory does not wait")
            .expect("it can be folded")
            .state
    }

    pub(super) fn service(&self, step: &str) -> &Service {
        &self.services[step]
    }

    pub(super) fn start_has_ended(&self) -> bool {
        self.start.1
    }

    /// Whatever was called off before it began had nothing to end.
    pub(super) fn has_begun(&self) -> bool {
        self.start.0 > 0
    }

    /// The most hops that the saga is away from where it began.
    pub(super) fn hops_max(&self) -> u32 {
        let log = self.store.log_from(0);
        let hops = log.iter().map(|commit| commit.metadata.hops);
        hops.max().unwrap_or_default()
    }

    pub(super) fn struck(&self) -> Struck {
        self.struck
    }

    /// The types of all that was stored, for a person to read.
    pub(super) fn story(&self) -> String {
        let log = self.store.log_from(0);
        let events = log.iter().flat_map(Commit::envelopes);
        let lines =
            events.map(|event| format!("{} {} {}", event.version, event.event_type, event.data));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// An event of a service, which a command caused, or of the outside world.
    pub(super) fn event(
        &mut self,
        from: &str,
        (kind, version): (&str, u64),
        data: Value,
        cause: Option<&Envelope>,
    ) -> Envelope {
        self.events += 1;
        let cause = match cause {
            Some(command) => Cause::reaction(command, from).expect("a short story"),
            None => Cause::command(&CommandId::new("story").expect("an id")),
        };
        let id = |text: String| EventId::new(text).expect("an id");
        Envelope {
            event_id: id(format!("{from}-{version}-{}", self.events)),
            event_type: kind.to_owned(),
            schema_version: 1,
            timestamp: self.clock.now(),
            aggregate_type: from.to_owned(),
            aggregate_id: ID.to_owned(),
            version: Version::new(version),
            data,
            metadata: cause.metadata(),
        }
    }

    pub(super) fn post(&mut self, event: Envelope) {
        let copies = match self.plan.copies {
            0 => 1 + self.dice.usize(..4) / 3,
            copies => copies,
        };
        self.mail.extend(std::iter::repeat_n(event, copies));
    }

    /// Until nothing is in flight, and no timer is set.
    pub(super) fn run_to_rest(&mut self) {
        while self.deliveries < DELIVERIES_MAX {
            self.relay();
            if self
                .plan
                .called_off_after
                .is_some_and(|after| self.deliveries >= after)
            {
                self.call_off();
            }
            if !self.mail.is_empty() {
                self.deliver();
            } else if let Some(next) = self.timers.next().filter(|_| !self.waits_for_a_person()) {
                self.wake(next);
            } else if let Some(late) = self.late.pop() {
                self.post(late);
            } else if self.plan.called_off_after.is_some() {
                self.call_off();
            } else {
                return;
            }
        }
        panic!(
            "something waits for ever: {:?}\n{:#?}\n{}",
            self.plan,
            self.state(),
            self.story()
        );
    }

    /// All that its timer is good for is to remind people.
    fn waits_for_a_person(&self) -> bool {
        let state = self.state();
        let mut steps = state.steps.values();
        let waits = steps.any(|step| step.phase.attempt().is_some());
        state.stuck().next().is_some() && !waits
    }

    /// What is stored leaves, whoever stored it and whatever became of them.
    fn relay(&mut self) {
        let commits = self.store.log_from(self.relayed);
        self.relayed += commits.len();
        for event in commits.iter().flat_map(Commit::envelopes) {
            let is_command = self
                .definition
                .commands()
                .any(|command| command.name == event.event_type);
            if is_command || event.event_type == SagaTimerSet::TYPE {
                self.post(event);
            }
        }
    }

    fn wake(&mut self, moment: Timestamp) {
        self.clock.advance_to(moment);
        for message in self.timers.due(moment) {
            let event = serde_json::from_value(message["detail"].clone()).expect("an event");
            self.post(event);
        }
    }

    /// Who began it decides whether that comes in time: not after the end.
    pub(super) fn call_off(&mut self) {
        self.plan.called_off_after = None;
        if let Some(event) = self.definition.called_off_by.first() {
            self.struck.called_off |= !self.start.1;
            self.end_start(event, &json!({ "reason": "not wanted any more" }), None);
        }
    }

    /// What happens at the end has happened: nothing ends it otherwise.
    fn has_passed_return(&self) -> bool {
        let mut never = self
            .definition
            .steps()
            .filter(|step| matches!(step.undo, Undo::Never { .. }));
        never.any(|step| self.services[step.name].holds)
    }

    pub(super) fn end_start(&mut self, event: &str, data: &Value, cause: Option<&Envelope>) {
        if !self.start.1 && !self.has_passed_return() {
            self.start = (self.start.0 + 1, true);
            let event = self.event("start", (event, self.start.0), data.clone(), cause);
            self.post(event);
        }
    }

    /// One invocation. If it dies, the message comes again.
    pub(super) fn conduct(&mut self, event: Envelope) {
        let crash = match self.plan.crash_at {
            Some((at, crash)) if at == event.event_type => {
                self.plan.crash_at = None;
                crash
            }
            _ if self.plan.crash_one_in > 0 && self.dice.usize(..self.plan.crash_one_in) == 0 => {
                [Crash::BeforeStoring, Crash::AfterStoring][self.dice.usize(..2)]
            }
            _ => Crash::None,
        };
        let index = self.dice.usize(..self.processes.len());
        let (process, store) = &self.processes[index];
        store.crash(crash);
        let cause = Cause::reaction(&event, G::FUNCTION).expect("a short story");
        let answer = process.react(&event, &cause, 1).now_or_never();
        store.crash(Crash::None);
        match answer {
            Some(answer) => drop(answer.expect("nothing fails but by dying")),
            None => {
                self.struck.died = true;
                self.processes[index] = self.process();
                self.mail.push(event);
            }
        }
    }

    /// Somebody mends the services, sends again what was lost, and has the saga go on.
    pub(super) fn repair_and_step_in(&mut self) {
        self.struck.stuck = true;
        self.mail.append(&mut self.lost);
        self.services.values_mut().for_each(Service::repair);
        let stuck = self.state().stuck().next().map(str::to_owned);
        let how = match stuck.filter(|_| self.dice.bool()) {
            Some(step) => Intervention::Retry(step),
            None => Intervention::Resume,
        };
        let sagas = Decider::<Conducted<G>, _, _>::new(self.store.clone(), self.clock.clone());
        let happening = Happening {
            what: What::Intervention(how, "mended".to_owned()),
            now: self.clock.now(),
            seed: 0,
        };
        let id = CommandId::new(format!("resume-{}", self.deliveries)).expect("an id");
        let cause = Cause::command(&id).conducted_by(G::NAME);
        let resumed = sagas.execute(ID, &cause, &happening).now_or_never();
        resumed.expect("memory does not wait").expect("it is stuck");
        self.run_to_rest();
    }
}
