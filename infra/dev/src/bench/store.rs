//! `cargo dev bench store`: builds and runs the crate that compares the event store with its peers.
//!
//! That crate is no dependency of this one: the peers would be compiled with the tool.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::args::Store;
use crate::build::cargo;
use crate::project::Project;

const CRATE: &str = "bench-store";

/// Builds with a profile of its own, runs, and passes on how it ended.
pub(crate) fn run(project: &Project, options: &Store) -> Result<ExitCode> {
    let mut cargo = cargo(project);
    cargo.args(["run", "--profile", CRATE, "--package", CRATE, "--"]);
    cargo.args(arguments(options));
    // Paths are meant from where the user is.
    cargo.current_dir(std::env::current_dir().context("cannot tell the working directory")?);
    let status = cargo.status().context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn arguments(options: &Store) -> Vec<String> {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let single = [
        ("--endpoint", options.endpoint.clone()),
        ("--commands", number(options.commands)),
        ("--rounds", number(options.rounds)),
        ("--json", options.json.clone()),
    ];
    let given = single
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let only = options.only.iter().map(|name| ("--only", name.clone()));
    given
        .chain(only)
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
}
