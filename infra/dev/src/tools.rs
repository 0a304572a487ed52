//! Python tools in virtual environments of their own, made on first use.
//!
//! An environment's folder carries the hash of its pins, and lives in the user's cache, so that every checkout with
//! the same pins shares it. A lock file, which the system releases when its holder dies, keeps two checkouts from
//! making it at once; a marker written last tells a finished one from the remains of an interrupted one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::progress::Step;
use crate::project::Project;

/// The oldest Python that all pinned packages run on.
const PYTHON_MIN: (u32, u32) = (3, 10);
/// How to get one.
const PYTHON_HINT: &str = "Install it with its venv module (Debian and Ubuntu: `apt-get install python3-venv`; macOS: \
                           `brew install python`), then run this command again";

/// The sets of tools, each with its own pins: their dependencies clash in one environment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Set {
    /// The emulator of the AWS services, and the SAM transform that it loads.
    Emulator,
    /// cargo-lambda with its linker, and the template checks.
    Tools,
    /// Schemathesis, which knows the API by its document.
    Fuzzer,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Tools => "tools",
            Self::Fuzzer => "fuzzer",
        }
    }
}

/// A virtual environment that is ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Finds the environment of a set, making it if it isn't there.
    pub(crate) fn ensure(project: &Project, set: Set) -> Result<Self> {
        let requirements = project.path(&format!("infra/requirements/{}.txt", set.name()));
        let pins = fs::read(&requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let name = format!("{}-{}", set.name(), short_hash(&pins));
        let parent = cache(project).join("venv");
        fs::create_dir_all(&parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        let venv = Self {
            folder: parent.join(&name),
        };
        if venv.is_ready() {
            return Ok(venv);
        }
        let lock = File::create(parent.join(format!("{name}.lock")))
            .context("cannot create a lock file")?;
        let step = Step::start(format!("Installing the {} (first time only)", set.name()));
        step.now("waiting for another checkout");
        lock.lock()
            .context("cannot lock the folder of Python environments")?;
        if !venv.is_ready() {
            venv.make(&requirements, &step)?;
        }
        step.done(venv.folder.display());
        Ok(venv)
    }

    /// The environment's Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// The folder of the environment's programs, to be put in front of `PATH`.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// `PATH` with this environment's programs first.
    pub(crate) fn search_path(&self) -> Result<std::ffi::OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.programs()).chain(std::env::split_paths(&inherited));
        std::env::join_paths(paths).context("PATH cannot be extended")
    }

    fn is_ready(&self) -> bool {
        // The interpreter is a link to the system's: after an upgrade of Python it may point nowhere.
        self.folder.join(".complete").is_file() && self.python().exists()
    }

    fn make(&self, requirements: &Path, step: &Step) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .context("cannot remove an unfinished Python environment")?;
        }
        step.now("python3 -m venv");
        check_python()?;
        let mut venv = Command::new("python3");
        quiet(venv.args(["-m", "venv"]).arg(&self.folder))
            .with_context(|| format!("Python's venv module is needed. {PYTHON_HINT}"))?;
        step.now("pip install");
        let mut pip = Command::new(self.python());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        quiet(pip.arg(requirements)).context(
            "pip could not install the pinned tools. Check the network (or PIP_INDEX_URL, behind a mirror), then run \
             this command again",
        )?;
        fs::write(self.folder.join(".complete"), "").context("cannot finish a Python environment")
    }
}

/// Asks `python3` for its version: pip would refuse the pins of an older one with a page about something else.
fn check_python() -> Result<()> {
    let (major, minor) = PYTHON_MIN;
    let mut python = Command::new("python3");
    python.args(["-c", "import sys; print(*sys.version_info[:2])"]);
    let output = python.stdin(Stdio::null()).output();
    let output = output.with_context(|| {
        format!("python3 does not start; Python {major}.{minor} or later is needed. {PYTHON_HINT}")
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    match version(&said) {
        Some(found) if found >= PYTHON_MIN => Ok(()),
        Some((old, older)) => bail!(
            "python3 is Python {old}.{older}, and {major}.{minor} or later is needed. {PYTHON_HINT}"
        ),
        None => bail!(
            "python3 does not tell its version, and {major}.{minor} or later is needed. {PYTHON_HINT}\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        ),
    }
}

fn version(said: &str) -> Option<(u32, u32)> {
    let (major, minor) = said.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Runs a command to its end and shows its output only if it fails.
fn quiet(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    bail!(
        "{program} failed ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&text).trim_end()
    )
}

fn cache(project: &Project) -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    match (absolute("XDG_CACHE_HOME"), absolute("HOME")) {
        (Some(cache), _) => cache.join("event-router"),
        (None, Some(home)) => home.join(".cache/event-router"),
        (None, None) => project.local(),
    }
}

fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("3 9\n").is_some_and(|old| old < PYTHON_MIN));
        assert!(version("3 14\n").is_some_and(|new| new > PYTHON_MIN));
        assert_eq!(version("pyenv: python3: command not found"), None);
    }
}
