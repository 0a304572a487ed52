//! Where the workflow of an order stands, whichever style it has: its steps, and what was undone.
//!
//! Of an orchestrated order the saga's own stream tells ([`conducted`]). A choreography has nobody who
//! would: its steps are *derived* from what caused what ([`choreographed`]). The view keeps what each stream
//! said, and derives the rest when it is asked, so that it does not matter which stream gets ahead.

mod account;
mod answer;
mod choreographed;
mod conducted;
mod mermaid;
mod step;
mod svg;
mod words;

use std::collections::BTreeMap;

use domain::events::Workflow as Style;
use domain::{Aggregate, OrderSaga};
use envelope::{ATTEMPT, Envelope, SAGA, StreamId, Timestamp, UnreadableEvent};
use projection_kit::{Nothing, Place, Projection};
use saga::Conducted;
use saga::events::Progress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::story::{OrderStory, order_of, sortable};
use crate::{OrderStatus, Story};

pub use account::Account;
pub use answer::{listed, whole};
pub use conducted::Conduct;
pub use mermaid::mermaid;
pub use step::{State, Step, StepState};
pub use svg::svg;
pub use words::span;

/// Keeps [`View`].
#[derive(Debug)]
pub enum Workflow {}

/// The workflow of one order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The order.
    pub order_id: String,
    /// Which style the order asks for; it is a choreography, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// What happened, and when.
    pub story: Story,
    /// How each thing came about that no saga commanded, by event type.
    pub origins: BTreeMap<String, Origin>,
    /// Why something failed or was called off, by event type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// What the saga says, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saga: Option<Conduct>,
}

/// How an event came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The event's id.
    pub id: String,
    /// The id of what caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// At which attempt of the reaction it came about.
    pub attempt: u64,
}

impl View {
    /// Whether a saga conducts it.
    #[must_use]
    pub fn is_orchestrated(&self) -> bool {
        self.saga.is_some() || self.style == Some(Style::Orchestration)
    }

    /// Whether something is going to happen yet. A workflow that has ended is open again, when something
    /// comes so late that it has to be undone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state().is_open()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.saga {
            Some(saga) => saga.state(self.story.status() == OrderStatus::Cancelled),
            None if self.is_orchestrated() => State::Running,
            None => choreographed::state(self),
        }
    }

    /// Leaves only what the order's customer sees of it: nothing of what operators write for each other.
    pub fn leave_out_internals(&mut self) {
        if let Some(saga) = &mut self.saga {
            saga.leave_out_internals();
        }
    }

    fn when(&self, event: &str) -> Option<Timestamp> {
        self.story.when(event)
    }
}

impl Projection for Workflow {
    const NAME: &'static str = "workflow";
    const FUNCTION: &'static str = "project-workflow";
    // Layout 1 knew no sagas. It is not named as the one before: queries of a new stack would read it, and
    // it could not show what it is asked for. Views of orders from before are made by a rebuild.
    const LAYOUT: u32 = 2;

    type Before = Nothing;
    type View = View;

    fn view_of(stream: &StreamId) -> Option<&str> {
        let is_saga = stream.aggregate_type() == Conducted::<OrderSaga>::TYPE;
        order_of(stream).or_else(|| is_saga.then(|| stream.aggregate_id()))
    }

    fn new(id: &str) -> View {
        View {
            order_id: id.to_owned(),
            ..View::default()
        }
    }

    fn fold(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
        if event.aggregate_type == Conducted::<OrderSaga>::TYPE {
            return fold_saga(view, event);
        }
        let happened = view.story.tell(event)?;
        let attempt = event.metadata.extra.get(ATTEMPT).and_then(Value::as_u64);
        let origin = Origin {
            id: event.event_id.as_str().to_owned(),
            cause: event.metadata.causation_id.clone(),
            attempt: attempt.unwrap_or(1),
        };
        // Of what a saga commanded, the saga tells.
        if !event.metadata.extra.contains_key(SAGA) {
            view.origins.insert(event.event_type.clone(), origin);
        }
        let reason = match happened {
            OrderStory::OrderPlaced(placed) => {
                view.style = placed.workflow;
                None
            }
            OrderStory::OrderCancelled(cancelled) => cancelled.reason,
            OrderStory::OrderFailed(failed) => Some(failed.reason),
            OrderStory::InventoryReserveFailed(failed) => Some(failed.reason),
            OrderStory::PaymentFailed(failed) => Some(failed.reason),
            OrderStory::ShipmentFailed(failed) => Some(failed.reason),
            _ => None,
        };
        if let Some(reason) = reason {
            view.reasons.insert(event.event_type.clone(), reason);
        }
        Ok(())
    }

    /// One list for each state that is not an end: by its name, the oldest first.
    fn place(view: &View) -> Option<Place> {
        let (began, state) = (view.when("OrderPlaced")?, view.state());
        state.is_open().then(|| Place {
            list: state.name().to_owned(),
            place: sortable(began, &view.order_id),
        })
    }

    fn upgrade(before: Nothing) -> View {
        match before {}
    }
}

/// The commands that stand beside the progress are for others: what becomes of them, the progress says.
fn fold_saga(view: &mut View, event: &Envelope) -> Result<(), UnreadableEvent> {
    let saga = view.saga.get_or_insert_default();
    match event.decode::<Progress>() {
        Ok(progress) => saga.tell(&progress, event.timestamp),
        Err(UnreadableEvent::Unknown { event_type, .. }) if !event_type.starts_with("Saga") => {}
        Err(unreadable) => return Err(unreadable),
    }
    Ok(())
}
