//! `cargo dev`, the functions and all tests must ask for the same features of every dependency.
//!
//! Cargo compiles a dependency once for each set of features, and all that depends on it too: one crate that differs
//! deep down, and a fresh clone builds the AWS SDK twice before its first order moves.

use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn every_dependency_is_compiled_once() {
    let tool = features(&["--package", "dev", "--edges", "normal,build"]);
    // No package is named: all default members.
    let all = features(&["--edges", "normal,build,dev"]);
    let missing: Vec<String> = tool
        .iter()
        .filter(|(name, turned_on)| {
            all.get(*name)
                .is_some_and(|elsewhere| elsewhere != *turned_on)
        })
        .map(|(name, turned_on)| format!("  {name}: has {turned_on:?}, elsewhere {:?}", all[name]))
        .collect();
    assert!(
        missing.is_empty(),
        "turn these on in infra/dev/Cargo.toml:\n{}",
        missing.join("\n")
    );
}

/// The features of each dependency of third parties that the selection turns on.
fn features(selection: &[&str]) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}",
        ])
        .args(selection)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo tree runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let mut features = BTreeMap::new();
    for line in text.lines() {
        // An empty line stands between the trees of two packages.
        let Some((package, turned_on)) = line.split_once('|') else {
            continue;
        };
        // The project's own packages are shown with their folder.
        if package.contains("(/") {
            continue;
        }
        let turned_on = turned_on
            .trim_end_matches(" (*)")
            .split(',')
            .map(str::to_owned);
        // A procedural macro's dependencies are built apart, so one name may stand for two builds.
        let key = package.replace(" (proc-macro)", "");
        let known: &mut Vec<String> = features.entry(key).or_default();
        known.extend(turned_on);
        known.sort();
        known.dedup();
    }
    features
}
