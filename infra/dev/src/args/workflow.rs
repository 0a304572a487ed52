//! The command line of `cargo dev workflow` and `cargo dev workflows`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::Output;

pub(super) const EXAMPLES: &str = "Examples:
  cargo dev workflow ord-1
  cargo dev workflow ord-1 --json
  cargo dev workflow ord-1 --svg ord-1.svg       the same as a picture
  cargo dev workflow ord-1 --resume --reason \"the carrier answers again\"
                                    asks again for all that it is stuck at
  cargo dev workflow ord-1 --retry charge-payment --reason \"the provider is back\"
                                    asks for this step again, at once and with all its attempts
  cargo dev workflow ord-1 --resolve ship-order --reason \"fetched the parcel by hand\"
                                    counts this step as seen to: as undone, or as done if it was not to be undone

Only a workflow that a saga conducts is ever stuck. Exits with 1 when there is no such order, or when it is not
stuck (at this step).";

pub(super) const EXAMPLES_OF_MANY: &str = "Examples:
  cargo dev workflows
  cargo dev workflows --state stuck
  cargo dev workflows --json";

/// `cargo dev workflow`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("action").requires("reason")))]
#[command(group(ArgGroup::new("form")))]
pub struct Workflow {
    /// The order's id
    pub order: String,
    /// Prints JSON for programs
    #[arg(long, group = "form")]
    pub json: bool,
    /// Draws it into this file
    #[arg(long, value_name = "FILE", group = "form")]
    pub svg: Option<PathBuf>,
    /// Has it ask again for all that it is stuck at, or look at the clock
    #[arg(long, group = "action")]
    pub resume: bool,
    /// Has it ask for this step again, now and with all attempts
    #[arg(long, value_name = "STEP", group = "action")]
    pub retry: Option<String>,
    /// Tells it that this step was seen to by other means
    #[arg(long, value_name = "STEP", group = "action")]
    pub resolve: Option<String>,
    /// Why, for whoever reads the story later
    #[arg(long, value_name = "TEXT", requires = "action")]
    pub reason: Option<String>,
}

/// `cargo dev workflows`
#[derive(Debug, Args)]
pub struct Workflows {
    /// Those in this state alone
    #[arg(long, value_enum)]
    pub state: Option<State>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// A state of workflows that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// They wait for a person
    Stuck,
    /// They are being undone
    Compensating,
    /// They are on their way
    Running,
}

impl State {
    /// Its name in the HTTP API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Compensating => "compensating",
            Self::Running => "running",
        }
    }
}
