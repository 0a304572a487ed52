//! The command line.

mod bench;
mod workflow;

use std::num::NonZeroU32;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

pub use bench::{Bench, Coldstart, Outside, Projection, Store};
pub use workflow::{State, Workflow, Workflows};

/// Builds, runs, shows and checks event-router on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "cargo dev",
    bin_name = "cargo dev",
    version,
    about,
    max_term_width = 110,
    propagate_version = false
)]
#[command(
    after_help = "First time here? `cargo dev demo` starts everything and shows orders on their way."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `cargo dev` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the emulator, builds and deploys the functions, seeds stock and customers
    #[command(after_help = "Examples:
  cargo dev up                                  on port 4566, or a free one if that is taken
  cargo dev up --port 5000
  cargo dev up --endpoint http://localhost:4566 into a LocalStack that is running already
  set -a; . .local/env; set +a                  the stack's names as variables of the shell

When a stack is up, it is updated: only what changed is built, uploaded and deployed.")]
    Up(Up),
    /// Stops the emulator and every function, or deletes the stack at --endpoint
    #[command(
        after_help = "Does nothing when nothing is up. Logs and packages stay in .local.
Exits with 1 when the stack at --endpoint could not be deleted because nothing answers there; it is forgotten then."
    )]
    Down,
    /// Gives a stack stock and customers, unless it has them
    #[command(after_help = "Examples:
  cargo dev seed                    the stack that is up here; `cargo dev up` has seeded it already
  cargo dev seed --stack event-router
                                    a stack on AWS, with the credentials and the region of the environment

For a profile that signs in through a browser, first: eval \"$(aws configure export-credentials --format env)\"
Seeds are events on the inbound bus; it needs cloudformation:DescribeStacks, events:PutEvents and
dynamodb:BatchGetItem.")]
    Seed(Seed),
    /// Tells what is up, and how much waits in each queue
    #[command(after_help = "Examples:
  cargo dev status
  cargo dev status --json

Exits with 1 when no stack is up, or when it does not answer.")]
    Status(Output),
    /// Issues a token for the HTTP API of a local stack
    #[command(after_help = "Examples:
  cargo dev token --customer cust-1
  curl -H \"authorization: Bearer $(cargo dev token --operator)\" \"$API_URL/workflows\"
  cargo dev token --customer cust-1 --minutes 5

The issuer is a pair of keys in .local, whose public part `cargo dev up` puts where the API's authoriser looks for it.
A stack on AWS has another issuer, the parameter JwtIssuer, and takes none of these tokens.")]
    Token(Token),
    /// Shows the functions' logs
    #[command(after_help = "Examples:
  cargo dev logs                    of all functions, in order of time
  cargo dev logs charge-payment
  cargo dev logs charge-payment --follow")]
    Logs(Logs),
    /// Tells the story of one order: which event caused which, and when
    #[command(after_help = "Examples:
  cargo dev story ord-1
  cargo dev story ord-1 --json")]
    Story(Story),
    /// Shows where the workflow of one order stands, or has it go on when it is stuck
    #[command(after_help = workflow::EXAMPLES)]
    Workflow(Workflow),
    /// Lists the workflows that have not ended: those that are stuck first, then those that are being undone
    #[command(after_help = workflow::EXAMPLES_OF_MANY)]
    Workflows(Workflows),
    /// Tells who did what in one aggregate, when, and why
    #[command(after_help = "Examples:
  cargo dev history Order ord-1
  cargo dev history StockItem prod-1 --from-version 100 --to-version 120
  cargo dev history Payment ord-1 --json

The data of the events is not shown; `cargo dev story` with --json does.
Exits with 1 when nothing is stored about the aggregate.")]
    History(History),
    /// Shows what lies in the dead-letter queues, and leaves it there
    #[command(
        name = "dead-letters",
        after_help = "Examples:
  cargo dev dead-letters
  cargo dev dead-letters accept-event --json"
    )]
    DeadLetters(DeadLetters),
    /// Makes a read model anew from all stored events
    #[command(after_help = "Examples:
  cargo dev rebuild order                        while the stack goes on working
  cargo dev rebuild order --segments 16 --rate 100
  cargo dev rebuild order --on-unreadable set-aside --json
  cargo dev rebuild order --resume               after it was ended, by whatever

A view that is there and up to date stays as it is. Nothing is published and nobody is told anything.
Exits with 0 when everything was rebuilt, with 3 when rows were set aside, and with 1 when it stopped early;
--resume goes on from there.")]
    Rebuild(Rebuild),
    /// Shows which layout of a read model queries read, or has them go over to another, and back
    #[command(after_help = "Examples:
  cargo dev layout order
  cargo dev layout order --switch 2             when a rebuild has filled it
  cargo dev layout order --switch 1             the way back")]
    Layout(Layout),
    /// Sends sample orders as another system would, and shows them on their way
    #[command(after_help = "Examples:
  cargo dev demo                    starts the stack first, or brings it up to date
  cargo dev demo --orders 200       generated orders, all at once: throughput and latency
  cargo dev demo --json

Exits with 0 only if every order ended as expected.")]
    Demo(Demo),
    /// Checks everything: format, lints, template, unit tests, end-to-end tests
    #[command(after_help = "Examples:
  cargo dev test
  cargo dev test --only lint --only unit
  cargo dev test --keep-going       all steps, even after one failed")]
    Test(Test),
    /// Writes infra/cloudformation.json anew from infra/template.yaml
    Template,
    /// Writes events/*.schema.json anew from the Rust types of the events
    Schemas,
    /// Builds what goes to AWS: `target/lambda/<function>/bootstrap.zip`
    #[command(after_help = "Examples:
  cargo dev build                   for Graviton (arm64), as the template expects
  cargo dev build --x86-64
  cargo dev build charge-payment refund-payment")]
    Build(Build),
    /// Measures
    #[command(subcommand)]
    Bench(Bench),
}

/// `cargo dev up`
#[derive(Debug, Args)]
pub struct Up {
    /// The emulator's port [default: 4566, or a free one if that is taken]
    #[arg(long, conflicts_with = "endpoint")]
    pub port: Option<u16>,
    /// Deploys to an emulator that is running already, with the AWS keys of the environment if there are any
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev seed`
#[derive(Debug, Args)]
pub struct Seed {
    /// A CloudFormation stack that is deployed anywhere
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
}

/// How a command prints its result.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// Prints JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// `cargo dev token`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("who").required(true)))]
pub struct Token {
    /// For this customer
    #[arg(long, value_name = "ID", group = "who")]
    pub customer: Option<String>,
    /// For an operator, who may do everything
    #[arg(long, group = "who")]
    pub operator: bool,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 720, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub minutes: u32,
}

/// `cargo dev logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// One function only
    pub function: Option<String>,
    /// Goes on showing what comes
    #[arg(long, short)]
    pub follow: bool,
    /// How far back to begin
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub since: u32,
}

/// `cargo dev story`
#[derive(Debug, Args)]
pub struct Story {
    /// The order's id
    pub order: String,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev history`
#[derive(Debug, Args)]
pub struct History {
    /// The aggregate's type, as events name it: Order, Payment, StockItem …
    #[arg(value_name = "TYPE")]
    pub aggregate: String,
    /// The aggregate's id
    pub id: String,
    /// The first event to show
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub from_version: u64,
    /// The last event to show [default: the newest]
    #[arg(long, value_name = "N")]
    pub to_version: Option<u64>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev dead-letters`
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// One function only
    pub function: Option<String>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev rebuild`
#[derive(Debug, Args)]
pub struct Rebuild {
    /// What to rebuild
    #[arg(value_enum)]
    pub model: Model,
    /// How many parts of the events table are read side by side; a resumed rebuild keeps its number
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub segments: u32,
    /// The most read capacity units in a second [default: as fast as it goes]
    #[arg(long, value_name = "UNITS")]
    pub rate: Option<NonZeroU32>,
    /// What to do about a row that cannot be read
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnUnreadable::Stop)]
    pub on_unreadable: OnUnreadable,
    /// Goes on where the last one ended early
    #[arg(long)]
    pub resume: bool,
    /// The table to write into [default: the stack's]
    #[arg(long, value_name = "TABLE")]
    pub views: Option<String>,
    /// A local stack elsewhere than the one that is up here
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// A read model that can be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Single orders
    Order,
    /// The lists of customers' orders
    CustomerOrders,
    /// The orders that are paid and reserved and wait for the carrier
    ReadyOrders,
    /// Stock levels
    Stock,
    /// Where the workflow of each order stands
    Workflow,
    /// Sales by hour
    Sales,
}

/// `cargo dev layout`
#[derive(Debug, Args)]
pub struct Layout {
    /// The read model
    #[arg(value_enum)]
    pub model: Model,
    /// Has queries read this layout from now on
    #[arg(long, value_name = "LAYOUT")]
    pub switch: Option<u32>,
    /// A local stack elsewhere than the one that is up here
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// What a rebuild does about a row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnUnreadable {
    /// Ends with an error that names it
    Stop,
    /// Leaves out the rest of its stream, goes on, and reports it at the end
    SetAside,
}

/// `cargo dev demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Sends this many generated orders instead of the samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub orders: Option<u32>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev test`
#[derive(Debug, Args)]
pub struct Test {
    /// Runs this step only; may be given several times
    #[arg(long, value_enum, value_name = "STEP")]
    pub only: Vec<crate::check::StepName>,
    /// Goes on after a step that failed
    #[arg(long)]
    pub keep_going: bool,
}

/// `cargo dev build`
#[derive(Debug, Args)]
pub struct Build {
    /// These functions only
    pub functions: Vec<String>,
    /// For Intel and AMD processors; deploy with Architecture=x86_64
    #[arg(long = "x86-64")]
    pub x86_64: bool,
}
