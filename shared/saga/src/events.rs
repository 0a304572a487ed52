//! What happens to a saga: the progress that it makes, as events of its own stream.
//!
//! They say everything that the fold needs, so that a stream can be folded without the definition that
//! it was written under. The commands that a saga sends stand beside them in the same commits.

use std::collections::BTreeMap;

use envelope::{Timestamp, event_data, event_set};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a saga has kept of the events that it heard: the fields that its commands need.
pub type Kept = Map<String, Value>;

/// The event by which a service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Its type.
    pub event: String,
    /// Its version in the stream of the service.
    pub version: u64,
}

event_data! {
    /// A saga began.
    SagaStarted v 1 {
        /// The version of its definition.
        definition: u32,
        /// What it began with, as a name.
        step: String,
        /// The event that it began with.
        answer: Answer,
        /// What it kept of that event.
        kept: Kept,
    }
}
event_data! {
    /// A service was asked to do something; the command stands right behind it.
    SagaStepStarted v 1 {
        /// The step.
        step: String,
        /// How often it has been asked for, from 1.
        attempt: u32,
        /// Until when an answer is waited for.
        #[schemars(with = "String", extend("format" = "date-time"))]
        deadline: Timestamp,
    }
}
event_data! {
    /// A step is done.
    SagaStepCompleted v 1 {
        /// The step.
        step: String,
        /// The answer that said so.
        answer: Answer,
        /// What was kept of it.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        kept: Kept,
    }
}
event_data! {
    /// A step was refused, or not answered in time.
    SagaStepFailed v 1 {
        /// The step.
        step: String,
        /// Why, for a person to read.
        reason: String,
        /// The answer that said so; none if there was none, so that it may have been done all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
        /// When it is asked for again; never if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        again_at: Option<Timestamp>,
    }
}
event_data! {
    /// From here on everything that was done, or may have been, is undone, the last thing first.
    SagaCompensating v 1 {
        /// Why, for a person to read.
        reason: String,
    }
}
event_data! {
    /// A service was asked to undo something; the command stands right behind it.
    SagaUndoStarted v 1 {
        /// The step.
        step: String,
        /// How often it has been asked for, from 1.
        attempt: u32,
        /// Until when an answer is waited for.
        #[schemars(with = "String", extend("format" = "date-time"))]
        deadline: Timestamp,
    }
}
event_data! {
    /// A step is undone, or there was nothing to undo.
    SagaUndoCompleted v 1 {
        /// The step.
        step: String,
        /// The answer that said so.
        answer: Answer,
    }
}
event_data! {
    /// A step could not be undone this time, or nobody said in time that it was.
    SagaUndoFailed v 1 {
        /// The step.
        step: String,
        /// Why, for a person to read.
        reason: String,
        /// The answer that said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
        /// When it is asked for again.
        #[schemars(with = "String", extend("format" = "date-time"))]
        again_at: Timestamp,
    }
}
event_data! {
    /// All attempts failed: the saga waits for a person.
    SagaStuck v 1 {
        /// The step.
        step: String,
        /// Whether it is to be undone. If not, it cannot be undone, and nobody knows whether it was done.
        undoing: bool,
        /// How often it was asked for.
        attempts: u32,
        /// Why the last attempt failed, for a person to read.
        reason: String,
        /// The answer that said so, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
    }
}
event_data! {
    /// A person had the saga go on: these steps begin anew.
    SagaResumed v 1 {
        /// The steps.
        steps: Vec<String>,
        /// Why, as the person said.
        reason: String,
    }
}
event_data! {
    /// A person has seen to a step by other means: it counts as undone, or as done if it was not to be undone.
    SagaStepResolved v 1 {
        /// The step.
        step: String,
        /// How, as the person said.
        reason: String,
    }
}
event_data! {
    /// A saga in flight got another version of its definition.
    SagaMigrated v 1 {
        /// The version that it had.
        from: u32,
        /// The version that it has now.
        to: u32,
        /// The steps that have another name now: old and new.
        renamed: BTreeMap<String, String>,
    }
}
event_data! {
    /// The saga is to look at the clock again: this very event comes back to it then.
    SagaTimerSet v 1 {
        /// When.
        #[schemars(with = "String", extend("format" = "date-time"))]
        at: Timestamp,
    }
}
event_data! {
    /// All steps are done.
    SagaCompleted v 1 {
    }
}
event_data! {
    /// All that was done is undone.
    SagaCompensated v 1 {
        /// Why the saga failed, for a person to read.
        reason: String,
    }
}

event_set! {
    /// What can happen to a saga.
    pub enum Progress {
        SagaStarted, SagaStepStarted, SagaStepCompleted, SagaStepFailed,
        SagaCompensating, SagaUndoStarted, SagaUndoCompleted, SagaUndoFailed,
        SagaStuck, SagaResumed, SagaStepResolved, SagaMigrated, SagaTimerSet,
        SagaCompleted, SagaCompensated,
    }
}
