//! What lies where.

use std::collections::BTreeSet;

use crate::{files, nothing_found, output, text};

/// All that a visitor sees at the root, apart from the licence.
const ROOT: [&str; 10] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "events",
    "functions",
    "infra",
    "shared",
    "tests",
];

#[test]
fn the_visible_root_is_exactly_what_the_map_shows() {
    let files = files();
    let top = files.iter().filter_map(|path| path.split('/').next());
    let visible: BTreeSet<_> = top
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE"))
        .collect();
    let expected = BTreeSet::from(ROOT);
    nothing_found(
        visible.difference(&expected),
        "move it into a folder, or, if it sets a tool up, into a dot-folder",
    );
    nothing_found(expected.difference(&visible), "the root lacks this");
    assert!(
        files.iter().any(|path| path.starts_with("LICENSE")),
        "the root lacks a LICENSE"
    );
}

#[test]
fn every_crate_takes_its_edition_licence_and_lints_from_the_workspace() {
    const SHARED: [&str; 4] = [
        "edition.workspace = true",
        "license.workspace = true",
        "publish.workspace = true",
        "[lints]\nworkspace = true",
    ];
    let manifests = files()
        .into_iter()
        .filter(|path| path.ends_with("/Cargo.toml"));
    let wrong = manifests.filter(|path| {
        let manifest = text(path).unwrap_or_default();
        !SHARED.iter().all(|line| manifest.contains(line))
    });
    nothing_found(wrong, &format!("the manifest must say {SHARED:?}"));
}

#[test]
fn the_lock_file_is_committed_and_names_only_the_public_registry() {
    let lock = text("Cargo.lock").expect("Cargo.lock is there");
    let in_checkout = output("git", &["rev-parse"]).is_some();
    let tracked = output("git", &["ls-files", "--error-unmatch", "Cargo.lock"]).is_some();
    assert!(
        tracked || !in_checkout,
        "commit Cargo.lock: every build is to use the same versions"
    );
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    let other = sources.filter(|line| {
        *line != r#"source = "registry+https://github.com/rust-lang/crates.io-index""#
    });
    nothing_found(other, "take the crate from the public registry");
}
