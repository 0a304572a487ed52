//! The benchmark of the event store: ours, the floor that a hand-written program reaches, and its peers, in one
//! process against one DynamoDB.
//!
//! It is a program of its own, and not a part of `cargo dev`, which starts it: the peers are dependencies of this
//! crate only, and it is outside the default members, so nobody who builds the product compiles them.
//!
//! All stores run on one thread, and the embedded table service on another: a second core changes what is measured
//! less that way.

// Our store's future inside the SDK's, inside the boxes of the interface: deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod arguments;
mod contention;
mod loading;
mod place;
mod progress;
mod report;
mod statistics;
mod store;
mod stores;
mod surroundings;
mod tally;
mod writing;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use crate::arguments::Arguments;
use crate::report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let mut written = writing::measure(arguments, 1).await?;
    written.extend(writing::measure(arguments, 5).await?);
    let mut loaded = Vec::new();
    for length in loading::LENGTHS {
        loaded.extend(loading::measure(arguments, length).await?);
    }
    let contended = contention::measure(arguments).await?;
    let report = Report::new(arguments, written, loaded, contended);
    if arguments.tables() {
        report.print();
    }
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&report)?;
        if arguments.tables() {
            std::fs::write(file, json)
                .with_context(|| format!("cannot write {}", file.display()))?;
        } else {
            println!("{json}");
        }
    }
    Ok(())
}
