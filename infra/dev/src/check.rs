//! `cargo dev test`: every check of the project, in order, each under its heading.
//!
//! All steps share one target folder, one profile and one set of features, so dependencies are compiled once. (Clippy
//! keeps metadata of its own beside them: it checks dependencies without generating their code.)
//!
//! No package is named, so cargo takes the default members: all but the benchmark against other event stores.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::args::Test;
use crate::build::cargo;
use crate::generate;
use crate::progress::{say, seconds};
use crate::project::Project;
use crate::table::Table;
use crate::tools::{Set, Venv};

/// The end-to-end test in tests/tests/flows: it starts a stack, and has a step of its own.
const END_TO_END: &str = "every_flow_ends_as_it_should";

/// A step of `cargo dev test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StepName {
    /// Formatting is rustfmt's
    Fmt,
    /// Clippy finds nothing
    Lint,
    /// The plain template is in step with its source, and cfn-lint finds nothing in it
    Template,
    /// Tests of every crate, and of the repository itself
    Unit,
    /// Orders through a stack of their own, end to end
    E2e,
}

impl StepName {
    fn title(self) -> &'static str {
        match self {
            Self::Fmt => "fmt: cargo fmt --check",
            Self::Lint => "lint: cargo clippy",
            Self::Template => "template: translate.py --check, cfn-lint",
            Self::Unit => "unit: cargo test",
            Self::E2e => "e2e: cargo test --test flows",
        }
    }

    fn commands(self, project: &Project) -> Result<Vec<Command>> {
        let cargo = |arguments: &[&str]| {
            let mut command = cargo(project);
            command.args(arguments);
            command
        };
        Ok(match self {
            Self::Fmt => vec![cargo(&["fmt", "--all", "--check"])],
            Self::Lint => vec![cargo(&["clippy", "--all-targets", "--", "-D", "warnings"])],
            Self::Template => template(project)?,
            Self::Unit => vec![cargo(&["test", "--", "--skip", END_TO_END])],
            // All default members are built, for their features; the only test of this name is the one in tests/.
            Self::E2e => vec![cargo(&["test", "--test", "flows", "--", "--nocapture"])],
        })
    }
}

/// Runs the steps and closes with what became of each.
pub(crate) fn run(project: &Project, options: &Test) -> Result<ExitCode> {
    let all = StepName::value_variants().iter().copied();
    let steps: Vec<StepName> = all
        .filter(|step| options.only.is_empty() || options.only.contains(step))
        .collect();
    let mut results = Vec::new();
    let mut failed = false;
    for step in steps {
        if failed && !options.keep_going {
            results.push((step, "not run", Duration::ZERO));
            continue;
        }
        eprintln!("\n━━ {} ━━", step.title());
        let started = Instant::now();
        let passed = passes(step.commands(project)?)?;
        failed |= !passed;
        let result = if passed { "passed" } else { "FAILED" };
        let took = started.elapsed();
        eprintln!("━━ {result} in {} ━━", seconds(took));
        results.push((step, result, took));
    }
    let mut table = Table::new(["step", "result", "time"]);
    for (step, result, time) in &results {
        table.row([
            step.title().to_owned(),
            (*result).to_owned(),
            seconds(*time),
        ]);
    }
    say!("\n{table}");
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn passes(commands: Vec<Command>) -> Result<bool> {
    for mut command in commands {
        let program = command.get_program().to_string_lossy().into_owned();
        // Nobody may be there to answer: nothing shall wait for input.
        command.stdin(Stdio::null());
        if !command
            .status()
            .with_context(|| format!("cannot start {program}"))?
            .success()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn template(project: &Project) -> Result<Vec<Command>> {
    let mut translate = generate::translate(project)?;
    translate.arg("--check");
    // What is checked, and how, is in infra/.cfnlintrc.yaml.
    let tools = Venv::ensure(project, Set::Tools)?;
    let mut lint = Command::new(tools.programs().join("cfn-lint"));
    lint.current_dir(project.path("infra"));
    Ok(vec![translate, lint])
}
