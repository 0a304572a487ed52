//! `cargo dev bench store` and `cargo dev bench projection`: build and run the crates that measure.
//!
//! These are no dependencies of this one: what they are measured against would be compiled with the tool.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::args::{Projection, Store};
use crate::build::cargo;
use crate::project::Project;

/// The profile of both.
const PROFILE: &str = "bench-store";

/// Compares the event store with its peers.
pub(crate) fn store(project: &Project, options: &Store) -> Result<ExitCode> {
    run(project, "bench-store", arguments(options))
}

/// Measures the projections.
pub(crate) fn projection(project: &Project, options: &Projection) -> Result<ExitCode> {
    let orders = options.orders.map(|orders| format!("--orders={orders}"));
    let json = options.output.json.then(|| "--json".to_owned());
    run(
        project,
        "bench-projection",
        orders.into_iter().chain(json).collect(),
    )
}

/// Builds with a profile of its own, runs, and passes on how it ended.
fn run(project: &Project, name: &str, arguments: Vec<String>) -> Result<ExitCode> {
    let mut cargo = cargo(project);
    cargo.args(["run", "--profile", PROFILE, "--package", name, "--"]);
    cargo.args(arguments);
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
