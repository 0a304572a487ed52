//! The command line. `cargo dev bench store` has the same options and passes them on.

use std::path::PathBuf;

use clap::Parser;

use crate::store::Name;

/// Measures the event store against its peers.
#[derive(Debug, Parser)]
#[command(name = "cargo dev bench store", max_term_width = 110)]
#[command(after_help = "Examples:
  cargo dev bench store
  cargo dev bench store --only floor-warm --only ours-warm --commands 500 --rounds 3
  cargo dev bench store --endpoint http://localhost:4566 --json result.json")]
pub(crate) struct Arguments {
    /// A running DynamoDB in place of the embedded one; its tables are made, and left there
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Commands of each store in each round of each workload
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) commands: u32,
    /// How often everything is repeated; results are medians
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Writes the results as JSON to a file, or with - to standard output in place of the tables
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// One store only; may be given several times
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) only: Vec<Name>,
}

impl Arguments {
    /// Whether the tables are printed.
    pub(crate) fn tables(&self) -> bool {
        self.json
            .as_ref()
            .is_none_or(|file| file.as_os_str() != "-")
    }
}
