//! The repository's own rules, checked by code.
//!
//! A rule that is only written down is kept until someone is in a hurry. So every rule that a
//! program can check is a test here, and its message says what to do. The reasons are in ARCHITECTURE.md.

mod crates;
mod functions;
mod layout;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

/// The text of a file, by its path from the root; a file that is not text has none.
fn text(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// The output of a program that is run in the repository; `None` when it fails or is not there.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())?
}

/// Every file that is in the repository or about to be, by its path from the root.
///
/// Outside a git checkout (an unpacked archive): every file but what is built or hidden.
fn files() -> BTreeSet<String> {
    let listed = output(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard"],
    );
    let files = listed.map_or_else(
        || walk(Path::new("")),
        |text| text.lines().map(str::to_owned).collect(),
    );
    files
        .into_iter()
        .filter(|path| root().join(path).is_file())
        .collect()
}

fn walk(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(root().join(folder)).expect("a folder of the repository") {
        let name = entry.expect("an entry").file_name();
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if name == "target" || name.starts_with('.') {
            continue;
        }
        if root().join(&path).is_dir() {
            files.extend(walk(&path));
        } else {
            files.insert(path.to_string_lossy().into_owned());
        }
    }
    files
}

/// Fails with one line for each finding, and with what to do about them.
#[track_caller]
fn nothing_found<T: std::fmt::Display>(findings: impl IntoIterator<Item = T>, what_to_do: &str) {
    let findings: Vec<_> = findings
        .into_iter()
        .map(|finding| format!("\n  {finding}"))
        .collect();
    assert!(findings.is_empty(), "{what_to_do}:{}", findings.concat());
}
