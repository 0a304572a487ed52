//! Sagas: workflows over several services, as data, with a pure transition table.
//!
//! A [`Definition`] says what is done in which order and how it is undone; [`Conducted`] makes an
//! aggregate of it. Its stream holds the progress of one saga *and* the commands that it sends, so that
//! storing and sending cannot come apart.

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
