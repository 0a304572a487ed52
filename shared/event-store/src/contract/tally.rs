//! The contract's own aggregate: a sum of amounts, with padding, so that events and states can have
//! any size.
//!
//! The layout is a parameter: `Tally<2>` reads the streams of `Tally<1>` with another fold. A state
//! carried under one layout and taken for the other then shows in the sum.

use envelope::{Aggregate, Cause, CommandId, Event, EventData, StreamId, UnreadableEvent};
use ports::{Ids, RandomIds};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A sum of amounts, folded under one of several layouts.
#[derive(Debug, Clone, Copy)]
pub struct Tally<const LAYOUT: u32 = 1>;

/// The fold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Sum of all amounts times the layout.
    pub sum: u64,
    /// How many events there were.
    pub events: u64,
    /// The newest ballast.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ballast: String,
}

/// An amount was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// How much.
    pub amount: u64,
    /// Makes the event larger.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub padding: String,
    /// Makes the event and the state larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ballast: Option<String>,
}

impl Added {
    /// This amount, without padding.
    #[must_use]
    pub fn amount(amount: u64) -> Self {
        Self {
            amount,
            padding: String::new(),
            ballast: None,
        }
    }

    /// The same with so many bytes of padding.
    #[must_use]
    pub fn padded(self, bytes: usize) -> Self {
        Self {
            padding: "x".repeat(bytes),
            ..self
        }
    }

    /// The same with so many bytes for the state to keep.
    #[must_use]
    pub fn with_ballast(self, bytes: usize) -> Self {
        Self {
            ballast: Some("y".repeat(bytes)),
            ..self
        }
    }
}

/// What can be asked of a tally.
#[derive(Debug, Clone)]
pub enum Command {
    /// Add all of these.
    Add(Vec<Added>),
    /// Add one amount, unless the sum would pass the limit.
    AddUpTo {
        /// The amount.
        amount: u64,
        /// The limit.
        limit: u64,
    },
    /// Add what is missing to this sum, if anything is.
    Reach(u64),
}

/// The sum would pass the limit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the sum of {sum} would pass the limit of {limit}")]
pub struct Over {
    /// The sum as it stands.
    pub sum: u64,
    /// The limit.
    pub limit: u64,
}

impl EventData for Added {
    const TYPE: &'static str = "Added";
    const SCHEMA_VERSION: u32 = 1;
}

impl Event for Added {
    fn event_type(&self) -> &'static str {
        Self::TYPE
    }

    fn schema_version(&self) -> u32 {
        Self::SCHEMA_VERSION
    }

    fn data(&self) -> Value {
        serde_json::to_value(self).expect("an amount is JSON")
    }

    fn decode(
        event_type: &str,
        schema_version: u32,
        data: &Value,
    ) -> Result<Self, UnreadableEvent> {
        match event_type {
            Self::TYPE => UnreadableEvent::read(schema_version, data),
            other => Err(UnreadableEvent::unknown(other, schema_version)),
        }
    }
}

impl<const L: u32> Aggregate for Tally<L> {
    type State = State;
    type Event = Added;
    type Command = Command;
    type Rejection = Over;

    const TYPE: &'static str = "Tally";
    const LAYOUT: u32 = L;

    fn decide(state: &State, command: &Command) -> Result<Vec<Added>, Over> {
        match command {
            Command::Add(amounts) => Ok(amounts.clone()),
            Command::AddUpTo { amount, limit } if state.sum + amount > *limit => Err(Over {
                sum: state.sum,
                limit: *limit,
            }),
            Command::AddUpTo { amount, .. } => Ok(vec![Added::amount(*amount)]),
            Command::Reach(sum) if state.sum >= *sum => Ok(vec![]),
            Command::Reach(sum) => Ok(vec![Added::amount(sum - state.sum)]),
        }
    }

    fn evolve(state: State, added: &Added) -> State {
        State {
            sum: state.sum + added.amount * u64::from(L),
            events: state.events + 1,
            ballast: added.ballast.clone().unwrap_or(state.ballast),
        }
    }
}

/// An id that no other test and no earlier run has used.
pub(super) fn fresh_id() -> String {
    RandomIds.next().to_string()
}

pub(super) fn fresh_stream() -> StreamId {
    Tally::<1>::stream(&fresh_id()).expect("a UUID is an id")
}

pub(super) fn fresh_cause() -> Cause {
    Cause::command(&CommandId::from_uuid(RandomIds.next()))
}
