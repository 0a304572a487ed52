//! The command line of `cargo dev bench`.

use clap::{Args, Subcommand};

use super::Output;

/// `cargo dev bench`
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Time from start to the first request for work, peak memory and package size of each function
    #[command(after_help = "Examples:
  cargo dev bench coldstart
  cargo dev bench coldstart --function query-order --runs 9
  cargo dev bench coldstart --json

On Linux only. Each function is compared with one that does nothing (infra/hello), built with the same profile in
the same run. Memory is read after it has worked on one event, against a stub of the AWS services.
Exits with 1 if one takes more than 4 times as long to start, has 5 MB or more, or needs 24 MB of memory or more.
The release build of all functions takes minutes.")]
    Coldstart(Coldstart),
    /// How long it takes to accept an order while the payment provider takes 8 s and no e-mail can be sent
    #[command(after_help = "Examples:
  cargo dev bench outside
  cargo dev bench outside --orders 50 --json

Compared with the same orders on a quiet stack, in the same run, on an emulator of its own. Exits with 1 if the p99 is
more than 1.5 times as long, or if an order does not end right: shipped, and its e-mails in the dead-letter queue.")]
    Outside(Outside),
    /// Rebuilds of all read models from 100,000 events while new ones arrive, and what an event costs
    #[command(after_help = "Examples:
  cargo dev bench projection
  cargo dev bench projection --orders 1000 --json

Everything runs in one process against an embedded DynamoDB. Whether each rebuilt view is the fold of the store is
checked, and reported. Exits with 1 if one is not.")]
    Projection(Projection),
    /// The event store against its peers: requests, capacity units, money, throughput, latency, right states
    #[command(after_help = "Examples:
  cargo dev bench store
  cargo dev bench store --json result.json
  cargo dev bench store --only floor-warm --only ours-warm --commands 500 --rounds 3
  cargo dev bench store --endpoint http://localhost:4566

Stores: floor-warm and floor-cold (a PutItem written by hand), ours-warm, ours-cold, ours-grouped, dynamo-es,
dynamo-es-snapshots, event-store-adapter, tip (the layout of Equinox).
The peers are compiled now, which takes minutes the first time; the measurement itself takes some more. For times that
mean something, let nothing else run.")]
    Store(Store),
}

/// `cargo dev bench outside`
#[derive(Debug, Args)]
pub struct Outside {
    /// Orders of each of the two stories
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub orders: u32,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev bench projection`; the program that measures reads the same options once more.
#[derive(Debug, Args)]
pub struct Projection {
    /// Orders in the store before the rebuilds; each has six events [default: 17000]
    #[arg(long, value_name = "N")]
    pub orders: Option<u32>,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}

/// `cargo dev bench store`; the program that measures reads the same options once more.
#[derive(Debug, Args)]
pub struct Store {
    /// A running DynamoDB in place of the embedded one; its tables are made, and left there
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Commands of each store in each round of each workload [default: 1000]
    #[arg(long, value_name = "N")]
    pub commands: Option<u32>,
    /// How often everything is repeated; results are medians [default: 5]
    #[arg(long, value_name = "N")]
    pub rounds: Option<u32>,
    /// Writes the results as JSON to a file, or with - to standard output in place of the tables
    #[arg(long, value_name = "FILE")]
    pub json: Option<String>,
    /// One store only; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// `cargo dev bench coldstart`
#[derive(Debug, Args)]
pub struct Coldstart {
    /// One function only; may be given several times
    #[arg(long = "function", value_name = "NAME")]
    pub functions: Vec<String>,
    /// How often each function is started
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,
    #[command(flatten)]
    /// How to print.
    pub output: Output,
}
