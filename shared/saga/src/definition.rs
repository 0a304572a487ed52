//! A saga as data: its steps in order, what each asks for, and how each is undone.
//!
//! Everything is a constant, so that a definition can be read like a table, checked by a test
//! ([`flaws`](crate::flaws)), and kept beside its later versions.

use std::time::Duration;

/// One version of a saga.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The version, from 1. Each saga in flight remembers with which one it started.
    pub version: u32,
    /// What it begins with.
    pub start: Start,
    /// Events by which somebody else calls the whole thing off: everything is undone.
    pub called_off_by: &'static [&'static str],
    /// What is done, in order. The steps of one stage run side by side.
    pub stages: &'static [&'static [Step]],
}

/// The event that a saga begins with.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// What was done by it, as a name in the story of the saga: `place-order`.
    pub name: &'static str,
    /// The type of the event.
    pub event: &'static str,
    /// Fields of its data that commands need.
    pub keep: &'static [&'static str],
    /// What is done last when the saga fails: usually it is to say that it failed.
    pub undo: Undo,
}

/// A command that is sent to one service.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its type on the wire, in the imperative.
    pub name: &'static str,
    /// Version of its schema.
    pub schema_version: u32,
    /// The fields of its data, out of what the saga kept of the events before. `reason` is there as
    /// soon as the saga fails: why it does.
    pub fields: &'static [&'static str],
}

/// One thing that a service is asked to do.
///
/// The events that answer it come from one stream of the service, which has the id of the saga: the
/// versions in that stream tell an answer that is late from one that is only delivered late.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its name in the story of the saga: `charge-payment`.
    pub name: &'static str,
    /// What is asked for.
    pub command: Command,
    /// Events that say it is done.
    pub done: &'static [&'static str],
    /// Fields of their data that later commands need.
    pub keep: &'static [&'static str],
    /// Events that say it cannot be done, and that nothing was.
    pub refused: &'static [Refusal],
    /// How long an answer may take, and what then.
    pub retry: Retry,
    /// How it is undone.
    pub undo: Undo,
}

/// An event by which a service refuses.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// Its type.
    pub event: &'static str,
    /// What it means, in front of the reason that it gives: `payment declined`.
    pub meaning: &'static str,
    /// Whether asking again may help. If not, the saga fails at once.
    pub again: bool,
}

/// How often something is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// How often at most, from 1.
    pub attempts: u32,
    /// How long an answer may take. It is far longer than the service's own attempts, which
    /// ride out whatever passes.
    pub timeout: Duration,
    /// The wait before the second attempt; it doubles with each one, and is shortened by up to a half
    /// at random.
    pub wait: Duration,
}

/// How something that was done, or may have been done, is undone.
#[derive(Debug, Clone, Copy)]
pub enum Undo {
    /// By a command.
    By(Compensation),
    /// Not at all.
    Never {
        /// Why not.
        because: &'static str,
        /// Whether later steps may fail all the same. Then only the others are undone, on purpose.
        others_may_fail: bool,
    },
}

/// The command that undoes a step.
///
/// It may be sent before it is known whether the step was done, and may arrive before the step's own
/// command does: the service then sees to it that it never will be done, and says that it is undone.
#[derive(Debug, Clone, Copy)]
pub struct Compensation {
    /// What is asked for.
    pub command: Command,
    /// Events that say it is undone, or that there is nothing to undo.
    pub done: &'static [&'static str],
    /// Events that say it could not be undone this time.
    pub failed: &'static [&'static str],
    /// After the last attempt the saga waits for a person.
    pub retry: Retry,
}

/// How sagas that are in flight get from one version of the definition to another.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The version that they have.
    pub from: u32,
    /// The version that they get with the next thing that happens to them.
    pub to: u32,
    /// Steps that have another name now: the old one and the new one.
    pub renamed: &'static [(&'static str, &'static str)],
}

impl Definition {
    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &'static Step> + use<> {
        self.stages.iter().flat_map(|stage| stage.iter())
    }

    /// The step with this name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&'static Step> {
        self.steps().find(|step| step.name == name)
    }

    /// How everything is undone, by name: what the saga began with, and its steps in order.
    pub fn undos(&self) -> impl Iterator<Item = (&'static str, Undo)> + use<> {
        let start = [(self.start.name, self.start.undo)];
        let steps = self.steps().map(|step| (step.name, step.undo));
        start.into_iter().chain(steps)
    }

    /// All commands that the saga sends.
    pub fn commands(&self) -> impl Iterator<Item = Command> + use<> {
        let forth = self.steps().map(|step| step.command);
        forth.chain(self.undos().filter_map(|(_, undo)| undo.command()))
    }

    /// What has this name, a step or what the saga began with, and how it is undone.
    #[must_use]
    pub fn undo(&self, name: &str) -> Option<(&'static str, Undo)> {
        self.undos().find(|(known, _)| *known == name)
    }
}

impl Undo {
    /// The command, if there is one.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        self.compensation().map(|compensation| compensation.command)
    }

    /// The compensation, if there is one.
    #[must_use]
    pub fn compensation(&self) -> Option<Compensation> {
        match self {
            Self::By(compensation) => Some(*compensation),
            Self::Never { .. } => None,
        }
    }

    /// Whether there is no way back once it is done.
    #[must_use]
    pub fn is_point_of_no_return(&self) -> bool {
        matches!(
            self,
            Self::Never {
                others_may_fail: false,
                ..
            }
        )
    }
}

impl Retry {
    /// The wait after this attempt failed, in milliseconds. `seed` is what chance there is.
    #[must_use]
    pub fn wait_ms(&self, attempt: u32, seed: u64) -> i64 {
        let doubled = 1_i64 << attempt.saturating_sub(1).min(16);
        let first = i64::try_from(self.wait.as_millis()).unwrap_or(i64::MAX);
        let longest = first.saturating_mul(doubled);
        let share = i64::try_from(seed % 1_000).expect("less than a thousand");
        longest - longest / 2_000 * share
    }
}
