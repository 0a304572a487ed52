//! `cargo dev template` and `cargo dev schemas`: what is made from something else in the repository, and committed.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::build::cargo;
use crate::project::Project;
use crate::tools::{Set, Venv};

/// The program that derives the plain form of the template.
pub(crate) fn translate(project: &Project) -> Result<Command> {
    let venv = Venv::ensure(project, Set::Emulator)?;
    let mut command = Command::new(venv.python());
    command
        .arg("translate.py")
        .current_dir(project.path("infra"));
    Ok(command)
}

/// `cargo dev template`
pub(crate) fn template(project: &Project) -> Result<ExitCode> {
    run(translate(project)?)
}

/// `cargo dev schemas`: the test that compares the files writes them when it is asked to.
pub(crate) fn schemas(project: &Project) -> Result<ExitCode> {
    let mut test = cargo(project);
    // All default members are built, for their features; the only test of this name is the one in shared/schemas.
    test.args(["test", "--quiet", "--test", "folder"])
        .env("UPDATE_SCHEMAS", "1");
    run(test)
}

fn run(mut command: Command) -> Result<ExitCode> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
