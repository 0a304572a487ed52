//! `cargo dev`: builds, runs, shows and checks the project on a developer's machine.
//!
//! It is a library with a thin program around it, so that the end-to-end tests start their stack through
//! [`stack::Stack`] and thus in the very way in which users do.

mod archive;
pub mod args;
mod bench;
mod bucket;
mod build;
mod check;
mod clock;
mod cloud;
mod dead_letters;
mod demo;
mod deploy;
mod emulator;
pub mod env_file;
pub mod fuzzer;
mod generate;
mod history;
mod http;
mod inbound;
pub mod issuer;
mod layout;
mod logs;
mod model;
mod package;
mod percentile;
pub mod processes;
mod progress;
mod project;
mod rebuild;
mod running;
mod seed;
pub mod stack;
mod state;
mod status;
mod story;
mod streams;
mod table;
mod tools;
mod up;
mod workflow;
mod workflows;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::args::{Arguments, Bench, Command};
use crate::build::Architecture;
use crate::project::Project;

/// Runs a command to its end. Errors are told on standard error.
#[must_use]
pub fn main(arguments: Arguments) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    let project = Project::find()?;
    match command {
        Command::Up(up) => up::up(&project, &up).await,
        Command::Down => up::down(&project).await,
        Command::Build(build) => {
            let architecture = if build.x86_64 {
                Architecture::X86_64
            } else {
                Architecture::Arm64
            };
            build::for_aws(&project, &build.functions, architecture).map(|()| ExitCode::SUCCESS)
        }
        Command::Seed(seed) => seed::run(&project, &seed).await,
        Command::Template => generate::template(&project),
        Command::Schemas => generate::schemas(&project),
        Command::Test(test) => check::run(&project, &test),
        Command::Status(output) => status::show(&project, output).await,
        Command::Token(token) => issuer::run(&project, &token).await,
        Command::Logs(logs) => logs::show(&project, &logs).await,
        Command::Story(story) => story::show(&project, &story).await,
        Command::Workflow(workflow) => workflow::run(&project, &workflow).await,
        Command::Workflows(workflows) => workflows::show(&project, &workflows).await,
        Command::History(history) => history::show(&project, &history).await,
        Command::Rebuild(rebuild) => rebuild::run(&project, &rebuild).await,
        Command::Layout(layout) => layout::run(&project, &layout).await,
        Command::DeadLetters(letters) => dead_letters::show(&project, &letters).await,
        Command::Demo(demo) => demo::run(&project, &demo).await,
        Command::Bench(Bench::Coldstart(bench)) => bench::coldstart::run(&project, &bench),
        Command::Bench(Bench::Outside(bench)) => bench::outside::run(&bench).await,
        Command::Bench(Bench::Store(bench)) => bench::programs::store(&project, &bench),
        Command::Bench(Bench::Projection(bench)) => bench::programs::projection(&project, &bench),
    }
}
