//! Schemathesis against the HTTP API of a stack: requests that the API's document allows and such that it does not,
//! and no answer that is a server's error or not in the document.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::issuer::Caller;
use crate::project::Project;
use crate::stack::Stack;
use crate::tools::{Set, Venv};

/// What is wrong with an answer. Whether well-formed requests are accepted depends on what is stored, so that is not
/// among it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ignored_auth";
/// How long a token must be valid, in seconds.
const RUN_SECONDS_MAX: i64 = 1_800;

/// How much to ask.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// The phases of a run, as Schemathesis calls them.
    pub phases: &'static str,
    /// Generated requests for each operation in each phase.
    pub examples: u32,
    /// From which they are generated: the same seed asks the same.
    pub seed: u32,
}

/// Runs the fuzzer as a caller, and returns what it reports.
///
/// # Errors
/// When it finds something, with its report; and when it cannot be installed or started.
pub async fn run(stack: &Stack, caller: &Caller, effort: Effort) -> Result<String> {
    let project = Project::find()?;
    let venv = Venv::ensure(&project, Set::Fuzzer)?;
    let api = stack.env("API_URL");
    let mut fuzzer = tokio::process::Command::new(venv.programs().join("schemathesis"));
    fuzzer
        .arg("run")
        .arg(format!("{api}/openapi.json"))
        .args(["--url", api, "--checks", CHECKS, "--phases", effort.phases])
        .args(["--max-examples", &effort.examples.to_string()])
        .args(["--seed", &effort.seed.to_string()])
        .args([
            "--workers",
            "2",
            "--warnings",
            "off",
            "--no-color",
            "--request-timeout",
            "30",
        ])
        // In this spelling: it leaves the header out to see whether anyone is let in without.
        .arg("--header")
        .arg(format!(
            "Authorization: Bearer {}",
            stack.token(caller, RUN_SECONDS_MAX)?
        ))
        // It keeps a database of examples where it runs.
        .current_dir(stack.folder())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = fuzzer.output().await.context("cannot start the fuzzer")?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("as {caller:?}, the fuzzer found something:\n{report}\n{errors}");
    }
    Ok(report)
}
