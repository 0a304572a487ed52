//! Which crate may know which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{files, nothing_found, output, text};

/// Crates that do no I/O and know neither time nor chance.
const PURE: [&str; 6] = [
    "envelope",
    "bank-account",
    "domain",
    "ride",
    "saga",
    "schemas",
];

/// Tools, measures and tests: nothing that is deployed may depend on them.
const NOT_DEPLOYED: [&str; 6] = [
    "bench-projection",
    "bench-store",
    "dev",
    "hello",
    "testkit",
    "tests",
];

/// One of the project's own crates.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder from the root, with a slash at its end.
    pub(crate) folder: String,
    /// What it depends on in a build, the project's own crates and others alike.
    normal: BTreeSet<String>,
}

impl Package {
    /// The name of its row in the table of allowed edges.
    fn row(&self) -> &str {
        if self.is_function() {
            "functions/*"
        } else {
            &self.name
        }
    }

    pub(crate) fn is_function(&self) -> bool {
        self.folder.starts_with("functions/")
    }
}

/// The project's own crates, as cargo knows them.
pub(crate) fn packages() -> Vec<Package> {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ];
    let metadata = output(env!("CARGO"), &arguments).expect("cargo metadata runs");
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let root = metadata["workspace_root"]
        .as_str()
        .expect("a path")
        .to_owned()
        + "/";
    let packages = metadata["packages"].as_array().expect("a list");
    packages
        .iter()
        .map(|package| package_of(package, &root))
        .collect()
}

fn package_of(package: &Value, root: &str) -> Package {
    let manifest = package["manifest_path"].as_str().expect("a path");
    let folder = manifest
        .strip_prefix(root)
        .and_then(|path| path.strip_suffix("Cargo.toml"));
    let of_kind = |kind: &Value| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let of_kind = dependencies
            .iter()
            .filter(|dependency| dependency["kind"] == *kind);
        of_kind
            .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
            .collect()
    };
    Package {
        name: package["name"].as_str().expect("a name").to_owned(),
        folder: folder.expect("a crate of the workspace").to_owned(),
        normal: of_kind(&Value::Null),
    }
}

/// The edges between the project's own crates, by row of the table.
fn edges(packages: &[Package]) -> BTreeMap<String, BTreeSet<String>> {
    let own: BTreeSet<_> = packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for package in packages {
        let known = package.normal.intersection(&own).cloned();
        edges
            .entry(package.row().to_owned())
            .or_default()
            .extend(known);
    }
    edges
}

/// The table under `## Allowed edges` in ARCHITECTURE.md: `` | `crate` | `may`, `depend`, `on` | ``.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let document = text("ARCHITECTURE.md").expect("ARCHITECTURE.md is there");
    let section = document
        .split("\n## ")
        .find(|section| section.starts_with("Allowed edges\n"));
    let section = section.expect("ARCHITECTURE.md has a section `## Allowed edges`");
    let mut allowed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in section.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (name, rest) = row
            .split_once('`')
            .expect("a crate's name ends with a backtick");
        let cell = rest.split('|').nth(1).expect("a second column");
        let names = cell.split('`').skip(1).step_by(2).map(str::to_owned);
        allowed.entry(name.to_owned()).or_default().extend(names);
    }
    allowed
}

#[test]
fn every_edge_between_two_of_our_crates_is_in_the_table_and_none_in_it_is_unused() {
    let (is, may) = (edges(&packages()), allowed());
    let pairs = |table: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
        table
            .iter()
            .flat_map(|(from, to)| to.iter().map(move |to| format!("{from} → {to}")))
            .collect()
    };
    let (is, may) = (pairs(&is), pairs(&may));
    nothing_found(
        is.difference(&may),
        "a new edge is a change of architecture: drop it, or add it to `## Allowed edges` in ARCHITECTURE.md",
    );
    nothing_found(
        may.difference(&is),
        "no crate uses this edge: take it out of `## Allowed edges` in ARCHITECTURE.md, or it is allowed for ever",
    );
}

#[test]
fn a_crate_that_depends_on_another_of_ours_uses_it() {
    let (packages, files) = (packages(), files());
    let mut unused = Vec::new();
    for package in &packages {
        let sources = files
            .iter()
            .filter(|path| path.starts_with(&package.folder) && path.ends_with(".rs"));
        let sources: String = sources.filter_map(|path| text(path)).collect();
        let known = packages
            .iter()
            .filter(|other| package.normal.contains(&other.name));
        let idle =
            known.filter(|other| !sources.contains(&format!("{}::", other.name.replace('-', "_"))));
        unused.extend(idle.map(|other| format!("{} → {}", package.name, other.name)));
    }
    nothing_found(unused, "take the dependency out of the manifest");
}

#[test]
fn every_crate_has_its_row_in_the_table() {
    let rows = allowed();
    let packages = packages();
    let missing = packages
        .iter()
        .map(Package::row)
        .filter(|row| !rows.contains_key(*row));
    nothing_found(
        missing,
        "add a row to `## Allowed edges` in ARCHITECTURE.md",
    );
    let names: BTreeSet<_> = packages.iter().map(Package::row).collect();
    let gone = rows.keys().filter(|row| !names.contains(row.as_str()));
    nothing_found(
        gone,
        "there is no such crate: take the row out of `## Allowed edges` in ARCHITECTURE.md",
    );
}

#[test]
fn nothing_that_is_deployed_depends_on_a_tool_or_on_the_testkit() {
    let packages = packages();
    let deployed = packages
        .iter()
        .filter(|package| !NOT_DEPLOYED.contains(&package.name.as_str()));
    let wrong = deployed.flat_map(|package| {
        let used = NOT_DEPLOYED
            .iter()
            .filter(|name| package.normal.contains(**name));
        used.map(move |name| format!("{} → {name}", package.name))
    });
    nothing_found(
        wrong,
        "make it a dev-dependency, or move the code that is needed into a crate of its own",
    );
}

#[test]
fn each_sdk_of_aws_is_named_by_one_adapter() {
    let packages = packages();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages
        .iter()
        .filter(|package| !NOT_DEPLOYED.contains(&package.name.as_str()))
    {
        let sdks = package.normal.iter();
        for sdk in sdks.filter(|name| name.starts_with("aws-sdk-")) {
            users.entry(sdk).or_default().insert(&package.name);
        }
    }
    let wrong = users.iter().filter(|(_, users)| {
        users.len() != 1 || !users.iter().all(|user| user.starts_with("adapter-"))
    });
    let wrong = wrong.map(|(sdk, users)| format!("{sdk}: {users:?}"));
    nothing_found(
        wrong,
        "put calls of an SDK into the one adapter of its service, behind a port",
    );
    let adapters = packages
        .iter()
        .filter(|package| package.name.starts_with("adapter-"));
    let idle = adapters.filter(|adapter| {
        !adapter
            .normal
            .iter()
            .any(|name| name.starts_with("aws-sdk-") || adapter.name == format!("adapter-{name}"))
    });
    nothing_found(
        idle.map(|adapter| &adapter.name),
        "an adapter names the SDK, or the framework, that it adapts",
    );
}

#[test]
fn a_pure_crate_reaches_no_runtime_no_network_and_no_crate_that_is_not_pure() {
    const IMPURE: [&str; 7] = [
        "tokio", "aws-", "lambda", "hyper", "reqwest", "socket2", "mio",
    ];
    let packages = packages();
    let own: BTreeSet<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for pure in PURE {
        let arguments = [
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            pure,
        ];
        let tree = output(env!("CARGO"), &arguments).expect("cargo tree runs");
        for name in tree.lines().filter_map(|line| line.split(' ').next()) {
            let impure = IMPURE.iter().any(|start| name.starts_with(start));
            if impure || (own.contains(name) && !PURE.contains(&name)) {
                wrong.push(format!("{pure} → {name}"));
            }
        }
    }
    nothing_found(
        wrong,
        "a pure crate does no I/O: move what needs it behind a port",
    );
}
