//! A domain in two releases: the newer one knows an event type that the older one does not, and
//! one event type has had three schema versions. The states of both have the same layout.

use std::marker::PhantomData;

use envelope::{Aggregate, Event, EventData, UnknownEvents, UnreadableEvent, Upcaster};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version 1 had `cents`, version 2 `amount`; version 3 says in which currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paid {
    pub(crate) amount: u64,
    pub(crate) currency: String,
}

fn rename(mut data: Value) -> Result<Value, &'static str> {
    let cents = data["cents"].take();
    data["amount"] = cents.as_u64().ok_or("`cents` is no number")?.into();
    Ok(data)
}

fn add_currency(mut data: Value) -> Result<Value, &'static str> {
    data["currency"] = "EUR".into();
    Ok(data)
}

impl EventData for Paid {
    const TYPE: &'static str = "Paid";
    const SCHEMA_VERSION: u32 = 3;
    const UPCASTERS: &'static [Upcaster] = &[rename, add_currency];
}

/// Known to the newer release alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refunded {
    pub(crate) amount: u64,
}

impl EventData for Refunded {
    const TYPE: &'static str = "Refunded";
    const SCHEMA_VERSION: u32 = 1;
}

/// Which release it is, and what it does about events that it does not know.
pub(crate) trait Release: Send + Sync + 'static {
    const KNOWS_REFUNDS: bool;
    const POLICY: UnknownEvents;
}

pub(crate) struct Old;
pub(crate) struct OldAndStrict;
pub(crate) struct New;

impl Release for Old {
    const KNOWS_REFUNDS: bool = false;
    const POLICY: UnknownEvents = UnknownEvents::Opaque;
}

impl Release for OldAndStrict {
    const KNOWS_REFUNDS: bool = false;
    const POLICY: UnknownEvents = UnknownEvents::Fail;
}

impl Release for New {
    const KNOWS_REFUNDS: bool = true;
    const POLICY: UnknownEvents = UnknownEvents::Fail;
}

pub(crate) enum Happened<R> {
    Paid(Paid),
    Refunded(Refunded, PhantomData<R>),
}

impl<R> Clone for Happened<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Paid(paid) => Self::Paid(paid.clone()),
            Self::Refunded(refunded, _) => Self::Refunded(refunded.clone(), PhantomData),
        }
    }
}

impl<R: Release> Event for Happened<R> {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Paid(_) => Paid::TYPE,
            Self::Refunded(..) => Refunded::TYPE,
        }
    }

    fn schema_version(&self) -> u32 {
        match self {
            Self::Paid(_) => Paid::SCHEMA_VERSION,
            Self::Refunded(..) => Refunded::SCHEMA_VERSION,
        }
    }

    fn data(&self) -> Value {
        let data = match self {
            Self::Paid(paid) => serde_json::to_value(paid),
            Self::Refunded(refunded, _) => serde_json::to_value(refunded),
        };
        data.expect("JSON")
    }

    fn decode(kind: &str, version: u32, data: &Value) -> Result<Self, UnreadableEvent> {
        match kind {
            Paid::TYPE => UnreadableEvent::read(version, data).map(Self::Paid),
            Refunded::TYPE if R::KNOWS_REFUNDS => {
                let read = UnreadableEvent::read(version, data);
                read.map(|refunded| Self::Refunded(refunded, PhantomData))
            }
            other => Err(UnreadableEvent::unknown(other, version)),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) sum: i64,
    pub(crate) events: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Pay(u64),
    Refund(u64),
    /// What is missing to this sum.
    PayUpTo(i64),
}

#[derive(Debug, thiserror::Error)]
#[error("there is nothing to refund")]
pub(crate) struct Nothing;

pub(crate) struct Account<R>(PhantomData<R>);

impl<R: Release> Aggregate for Account<R> {
    type State = Balance;
    type Event = Happened<R>;
    type Command = Ask;
    type Rejection = Nothing;

    const TYPE: &'static str = "Account";
    const LAYOUT: u32 = 1;
    const UNKNOWN_EVENTS: UnknownEvents = R::POLICY;

    fn decide(state: &Balance, ask: &Ask) -> Result<Vec<Happened<R>>, Nothing> {
        let pay = |amount| {
            let currency = "EUR".to_owned();
            vec![Happened::Paid(Paid { amount, currency })]
        };
        match ask {
            Ask::Pay(amount) => Ok(pay(*amount)),
            Ask::PayUpTo(sum) => Ok(u64::try_from(sum - state.sum).map(pay).unwrap_or_default()),
            Ask::Refund(_) if state.sum <= 0 => Err(Nothing),
            Ask::Refund(amount) => {
                let amount = *amount;
                Ok(vec![Happened::Refunded(Refunded { amount }, PhantomData)])
            }
        }
    }

    fn evolve(state: Balance, event: &Happened<R>) -> Balance {
        let change = match event {
            Happened::Paid(paid) => i64::try_from(paid.amount),
            Happened::Refunded(refunded, _) => i64::try_from(refunded.amount).map(|sum| -sum),
        };
        Balance {
            sum: state.sum + change.expect("small"),
            events: state.events + 1,
        }
    }
}
