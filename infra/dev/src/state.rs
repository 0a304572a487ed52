//! What `cargo dev up` remembers for the commands after it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::progress::Step;
use crate::project::Project;

/// The stack that the checkout has up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Where it answers.
    pub(crate) endpoint: String,
    /// Its name.
    pub(crate) stack: String,
    /// The emulator, if `up` started one; without it the endpoint is somebody else's.
    pub(crate) emulator_pid: Option<u32>,
}

impl State {
    /// Reads what an earlier command wrote, if one did.
    pub(crate) fn read(project: &Project) -> Result<Option<Self>> {
        let path = file(project);
        if !path.exists() {
            return Ok(None);
        }
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let state = serde_json::from_slice(&bytes);
        state.map(Some).with_context(|| {
            format!(
                "{} is damaged: delete it and run `cargo dev up`",
                path.display()
            )
        })
    }

    /// Remembers.
    pub(crate) fn write(&self, project: &Project) -> Result<()> {
        let path = file(project);
        replace(&path, &serde_json::to_vec_pretty(self)?)
    }

    /// Forgets.
    pub(crate) fn remove(project: &Project) -> Result<()> {
        remove_file(&file(project))
    }
}

/// Makes this the only command that starts or ends something in the checkout, until the result is dropped. Waits for
/// another one first. The system releases the lock of a process that dies.
pub(crate) fn lock(project: &Project) -> Result<File> {
    let folder = project.local();
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => return Ok(lock),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    let step = Step::start("Waiting for another `cargo dev` in this checkout");
    lock.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    step.done("");
    Ok(lock)
}

/// Replaces a file as a whole, so that nobody reads half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    std::fs::write(&partial, bytes)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a file that may be missing.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn file(project: &Project) -> PathBuf {
    project.local().join("state.json")
}
