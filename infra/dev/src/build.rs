//! Builds the functions: for this machine with cargo, for AWS and for containers like its own with cargo-lambda.
//!
//! The local build does not go through cargo-lambda. It always names a target, even the host's own, and cargo keeps
//! what it builds for a named target in a folder of its own: every dependency would be compiled a second time.
//! `dev` is built along, so that dependencies get the features that they had when this tool was compiled.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::progress::{Step, say};
use crate::project::Project;
use crate::table::Table;
use crate::tools::{Set, Venv};

/// A function and the executable built from it.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    /// The function's name.
    pub(crate) function: String,
    /// The executable.
    pub(crate) path: PathBuf,
}

/// What runs a function on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Graviton.
    Arm64,
    /// Intel and AMD.
    X86_64,
}

impl Architecture {
    /// The one of this machine.
    pub(crate) fn of_host() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Arm64
        } else {
            Self::X86_64
        }
    }

    /// How templates spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds functions for this machine, with cargo's own progress in view, and tells where the executables are.
pub(crate) fn for_host(
    project: &Project,
    functions: &[String],
    profile: &str,
) -> Result<Vec<Binary>> {
    let mut cargo = cargo(project);
    cargo.args([
        "build",
        "--profile",
        profile,
        "--message-format",
        "json-render-diagnostics",
    ]);
    if profile == "dev" {
        cargo.args(["--package", "dev"]);
    }
    for function in functions {
        cargo.args(["--package", function]);
    }
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut binaries = Vec::new();
    for message in serde_json::Deserializer::from_reader(BufReader::new(stdout))
        .into_iter::<serde_json::Value>()
    {
        let message = message.context("cannot read what cargo reports")?;
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let (Some(path), true) = (
            message["executable"].as_str(),
            functions.iter().any(|function| function == name),
        ) {
            binaries.push(Binary {
                function: name.to_owned(),
                path: PathBuf::from(path),
            });
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("the functions do not compile: cargo's messages are above");
    }
    if let Some(missing) = functions
        .iter()
        .find(|function| binaries.iter().all(|binary| binary.function != **function))
    {
        bail!(
            "cargo built no executable for {missing}: its package, folder and binary must have the same name"
        );
    }
    binaries.sort_by(|a, b| a.function.cmp(&b.function));
    Ok(binaries)
}

/// Builds functions for containers like Lambda's on this machine, and tells where the executables are.
pub(crate) fn for_containers(project: &Project, functions: &[String]) -> Result<Vec<Binary>> {
    let folder = project.local().join("lambda");
    cargo_lambda(
        project,
        functions,
        Architecture::of_host(),
        "binary",
        &folder,
    )?;
    Ok(functions
        .iter()
        .map(|function| Binary {
            function: function.clone(),
            path: folder.join(function).join("bootstrap"),
        })
        .collect())
}

/// Builds what goes to AWS and shows the size of each package.
pub(crate) fn for_aws(
    project: &Project,
    wanted: &[String],
    architecture: Architecture,
) -> Result<()> {
    let functions = project.functions_named(wanted)?;
    // Where the template looks, also when cargo's own folder is elsewhere.
    let folder = project.path("target/lambda");
    cargo_lambda(project, &functions, architecture, "zip", &folder)?;
    let mut table = Table::new(["function", "package", "size"]);
    for function in &functions {
        let zip = folder.join(function).join("bootstrap.zip");
        let bytes = std::fs::metadata(&zip)
            .with_context(|| format!("{} was not built", zip.display()))?
            .len();
        let shown = zip
            .strip_prefix(project.root())
            .unwrap_or(&zip)
            .display()
            .to_string();
        table.row([function.clone(), shown, megabytes(bytes)]);
    }
    say!("{table}");
    Ok(())
}

/// Runs `cargo lambda build` with the release profile; what comes of it lies in a folder for each function.
fn cargo_lambda(
    project: &Project,
    functions: &[String],
    architecture: Architecture,
    format: &str,
    folder: &Path,
) -> Result<()> {
    let venv = Venv::ensure(project, Set::Tools)?;
    add_target(architecture.target())?;
    let mut cargo = Command::new(venv.programs().join("cargo-lambda"));
    cargo
        .current_dir(project.root())
        .env("PATH", venv.search_path()?)
        .args(["lambda", "build", "--release", architecture.flag()])
        .args(["--output-format", format])
        .arg("--lambda-dir")
        .arg(folder);
    for function in functions {
        cargo.args(["--package", function]);
    }
    let status = cargo.status().context("cannot start cargo-lambda")?;
    if !status.success() {
        bail!("cargo lambda build failed: its messages are above");
    }
    Ok(())
}

/// cargo, in the checkout.
pub(crate) fn cargo(project: &Project) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(project.root());
    cargo
}

/// A size for people.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1_000_000.0)
}

fn add_target(target: &str) -> Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    let Ok(installed) = installed else {
        // Without rustup the toolchain came from elsewhere, and so does its target; cargo tells if it is missing.
        return Ok(());
    };
    if String::from_utf8_lossy(&installed.stdout)
        .lines()
        .any(|line| line == target)
    {
        return Ok(());
    }
    let step = Step::start(format!("Installing Rust's target {target}"));
    let output = Command::new("rustup")
        .args(["target", "add", target])
        .output()
        .context("cannot start rustup")?;
    if !output.status.success() {
        bail!(
            "`rustup target add {target}` failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    step.done("");
    Ok(())
}
