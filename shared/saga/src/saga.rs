//! A saga as an aggregate: what it hears is decided on like any other command.

use std::marker::PhantomData;

use envelope::{Aggregate, Envelope, Event, Timestamp, UnreadableEvent};
use serde_json::{Map, Value};

use crate::definition::{Definition, Migration};
use crate::events::{Answer, Kept, Progress, SagaMigrated, SagaResumed, SagaStepResolved};
use crate::state::{Phase, State};
use crate::table::Turn;

/// A saga: everything that is said of it in advance.
///
/// An instance has the id of what it is about, and so have the streams of the services that answer
/// it.
pub trait Saga: Send + Sync + 'static {
    /// The `aggregateType` of its stream, and the mark in the metadata of all that it leads to.
    const NAME: &'static str;
    /// The function that conducts it.
    const FUNCTION: &'static str;
    /// Its definitions, the newest first. One stays as long as there are sagas that began with it, for its
    /// commands stand in their streams.
    const DEFINITIONS: &'static [Definition];
    /// How sagas in flight get from one definition to another. Without, each ends as it began.
    const MIGRATIONS: &'static [Migration] = &[];
}

/// Marker of a saga's aggregate.
#[derive(Debug)]
pub struct Conducted<S>(PhantomData<S>);

/// What happens to a saga.
#[derive(Debug, Clone)]
pub struct Happening {
    /// What.
    pub what: What,
    /// When.
    pub now: Timestamp,
    /// What chance there is in it: the same for the same cause.
    pub seed: u64,
}

/// What happens to a saga.
#[derive(Debug, Clone)]
pub enum What {
    /// It hears an event.
    Heard(Heard),
    /// Its timer fires, which was set for this moment.
    TimerFired(Timestamp),
    /// A person steps in, and says why.
    Intervention(Intervention, String),
}

/// What a person can do about a saga that is stuck, or waits for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intervention {
    /// Ask again for all that it is stuck at, and look at the clock in any case: its timer may be lost.
    Resume,
    /// Ask for this step again, now and with all its attempts, in the direction in which it is going.
    Retry(String),
    /// This step was seen to by other means.
    Resolve(String),
}

/// An event of a service, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Its type.
    pub event: String,
    /// Its version in the service's stream.
    pub version: u64,
    /// Its data.
    pub data: Value,
}

/// Why a saga cannot do as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The definition that it goes by is not known here.
    UnknownDefinition(u32),
    /// There is no such saga.
    Absent,
    /// It is not stuck, and waits for nothing.
    NothingToDo,
    /// It has no such step, or is not stuck at it.
    OtherStep(String),
}

/// What a saga stores.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Its progress.
    Progress(Progress),
    /// A command to a service, which leaves through the same outbox.
    Command {
        /// Its type on the wire.
        name: &'static str,
        /// Version of its schema.
        schema_version: u32,
        /// Its data.
        data: Map<String, Value>,
    },
}

/// What stands in the stream of a saga.
#[derive(Debug)]
pub struct Entry<S> {
    /// What it says.
    pub said: Said,
    saga: PhantomData<S>,
}

impl Heard {
    /// What is heard of an event.
    #[must_use]
    pub fn of(event: &Envelope) -> Self {
        Self {
            event: event.event_type.clone(),
            version: event.version.get(),
            data: event.data.clone(),
        }
    }

    pub(crate) fn answer(&self) -> Answer {
        Answer {
            event: self.event.clone(),
            version: self.version,
        }
    }

    /// The reason that it gives, or its type.
    pub(crate) fn reason(&self) -> String {
        let reason = self.data.get("reason").and_then(Value::as_str);
        reason.unwrap_or(&self.event).to_owned()
    }

    pub(crate) fn fields(&self, names: &[&str]) -> Kept {
        let field = |name: &&str| Some(((*name).to_owned(), self.data.get(*name)?.clone()));
        names.iter().filter_map(field).collect()
    }
}

impl<S> Entry<S> {
    /// An entry that says this.
    #[must_use]
    pub fn new(said: Said) -> Self {
        let saga = PhantomData;
        Self { said, saga }
    }
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Self {
        Self::new(self.said.clone())
    }
}

impl<S> PartialEq for Entry<S> {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

impl<S: Saga> Event for Entry<S> {
    fn event_type(&self) -> &'static str {
        match &self.said {
            Said::Progress(progress) => progress.event_type(),
            Said::Command { name, .. } => name,
        }
    }

    fn schema_version(&self) -> u32 {
        match &self.said {
            Said::Progress(progress) => progress.schema_version(),
            Said::Command { schema_version, .. } => *schema_version,
        }
    }

    fn data(&self) -> Value {
        match &self.said {
            Said::Progress(progress) => progress.data(),
            Said::Command { data, .. } => Value::Object(data.clone()),
        }
    }

    fn decode(
        event_type: &str,
        schema_version: u32,
        data: &Value,
    ) -> Result<Self, UnreadableEvent> {
        let mut commands = S::DEFINITIONS.iter().flat_map(Definition::commands);
        if let Some(command) = commands.find(|command| command.name == event_type) {
            let data = data.as_object().cloned().unwrap_or_default();
            let name = command.name;
            return Ok(Self::new(Said::Command {
                name,
                schema_version,
                data,
            }));
        }
        let progress = Progress::decode(event_type, schema_version, data)?;
        Ok(Self::new(Said::Progress(progress)))
    }
}

impl<S: Saga> Aggregate for Conducted<S> {
    type State = State;
    type Event = Entry<S>;
    type Command = Happening;
    type Rejection = Rejection;
    const TYPE: &'static str = S::NAME;
    const LAYOUT: u32 = 0x395e_7413;

    fn decide(state: &State, happening: &Happening) -> Result<Vec<Entry<S>>, Rejection> {
        let version = match state.definition {
            0 => S::DEFINITIONS.first().map_or(0, |newest| newest.version),
            version => version,
        };
        let migration = S::MIGRATIONS.iter().find(|rule| rule.from == version);
        let version = migration.map_or(version, |rule| rule.to);
        let mut definitions = S::DEFINITIONS.iter();
        let definition = definitions.find(|definition| definition.version == version);
        let definition = definition.ok_or(Rejection::UnknownDefinition(version))?;
        let Happening { what, now, seed } = happening;
        let mut turn = Turn::new(definition, state.clone(), *now, *seed);
        let migrates = migration.filter(|_| state.definition > 0);
        if let Some(Migration { from, to, renamed }) = migrates {
            let renamed = renamed
                .iter()
                .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
            let (from, to, renamed) = (*from, *to, renamed.collect());
            turn.tell(SagaMigrated { from, to, renamed });
        }
        let before = turn.said.len();
        match what {
            What::Heard(heard) => turn.hear(heard),
            What::TimerFired(at) => turn.look_at_clock(*at),
            What::Intervention(intervention, reason) => step_in(&mut turn, intervention, reason)?,
        }
        turn.advance();
        // A migration alone is not worth a commit.
        if turn.said.len() == before {
            return Ok(Vec::new());
        }
        Ok(turn.said.into_iter().map(Entry::new).collect())
    }

    fn evolve(state: State, entry: &Entry<S>) -> State {
        match &entry.said {
            Said::Progress(progress) => state.after(progress),
            Said::Command { .. } => state,
        }
    }
}

fn step_in(
    turn: &mut Turn<'_>,
    intervention: &Intervention,
    reason: &str,
) -> Result<(), Rejection> {
    if turn.state == State::default() {
        return Err(Rejection::Absent);
    }
    let reason = reason.to_owned();
    let phase = |step: &str| turn.state.step(step);
    let is_stuck = |step: &str| phase(step).is_some_and(|phase| phase.is_stuck());
    let is_awaited = |step: &str| phase(step).is_some_and(|phase| phase.attempt().is_some());
    // What cannot be undone is not asked for on the way back: it can only be resolved.
    let goes_back = turn.state.phase == Phase::Compensating;
    let may_be_asked =
        |step: &str| !goes_back || phase(step).is_some_and(|phase| phase.is_undoing());
    match intervention {
        Intervention::Resume => {
            let stuck = turn.state.stuck().filter(|step| may_be_asked(step));
            let steps: Vec<_> = stuck.map(str::to_owned).collect();
            if steps.is_empty() && !turn.state.steps.keys().any(|step| is_awaited(step)) {
                return Err(Rejection::NothingToDo);
            }
            turn.tell(SagaResumed { steps, reason });
            turn.wake();
        }
        Intervention::Retry(step) if may_be_asked(step) && (is_stuck(step) || is_awaited(step)) => {
            let steps = vec![step.clone()];
            turn.tell(SagaResumed { steps, reason });
            turn.wake();
        }
        Intervention::Resolve(step) if is_stuck(step) => {
            let step = step.clone();
            turn.tell(SagaStepResolved { step, reason });
        }
        Intervention::Retry(step) | Intervention::Resolve(step) => {
            return Err(Rejection::OtherStep(step.clone()));
        }
    }
    Ok(())
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownDefinition(version) => write!(
                f,
                "the saga goes by version {version} of its definition, which is not known here"
            ),
            Self::Absent => f.write_str("there is no such workflow"),
            Self::NothingToDo => f.write_str("the workflow waits for nobody and nothing"),
            Self::OtherStep(step) => write!(f, "the workflow does not wait at {step:?}"),
        }
    }
}

impl std::error::Error for Rejection {}
