//! Sagas: workflows over several services, as data, with a pure transition table. What follows is the
//! README.
//!
#![doc = include_str!("../README.md")]

mod definition;
pub mod events;
mod flaws;
mod saga;
mod state;
mod table;

pub use definition::{
    Command, Compensation, Definition, Migration, Refusal, Retry, Start, Step, Undo,
};
pub use flaws::flaws;
pub use saga::{Conducted, Entry, Happening, Heard, Intervention, Rejection, Saga, Said, What};
pub use state::{Attempt, Phase, State, StepPhase, StepState};

#[cfg(test)]
mod tests;
