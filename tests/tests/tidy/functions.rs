//! What holds for every function.

use std::collections::BTreeSet;

use crate::crates::{Package, packages};
use crate::{files, nothing_found, output, text};

/// `main.rs` only wires: what it does is the same in every run, so there is nothing in it to test.
const MAIN_LINES_MAX: usize = 40;

fn functions() -> BTreeSet<String> {
    packages()
        .into_iter()
        .filter(Package::is_function)
        .map(|function| function.name)
        .collect()
}

#[test]
fn a_function_is_named_after_its_folder_and_its_name_is_a_verb_and_a_noun() {
    let functions = packages().into_iter().filter(Package::is_function);
    let wrong = functions.filter(|function| {
        function.folder != format!("functions/{}/", function.name)
            || function.name.split('-').count() < 2
    });
    nothing_found(
        wrong.map(|function| function.folder),
        "name the crate like its folder, verb-noun",
    );
}

#[test]
fn a_function_depends_on_no_other_function() {
    let functions = functions();
    let wrong = functions.iter().flat_map(|function| {
        let arguments = [
            "tree",
            "--offline",
            "--edges",
            "all",
            "--prefix",
            "none",
            "--package",
            function,
        ];
        let tree = output(env!("CARGO"), &arguments).expect("cargo tree runs");
        let names: BTreeSet<_> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect();
        let others = names
            .into_iter()
            .filter(|name| name != function && functions.contains(name));
        others
            .map(|name| format!("{function} → {name}"))
            .collect::<Vec<_>>()
    });
    nothing_found(
        wrong,
        "functions know events, never each other: share a crate in shared/ instead",
    );
}

#[test]
fn a_function_s_main_is_short_and_takes_no_decision() {
    let mut wrong = Vec::new();
    for function in functions() {
        let path = format!("functions/{function}/src/main.rs");
        let main = text(&path).unwrap_or_default();
        let lines = main.lines().count();
        if lines == 0 || lines > MAIN_LINES_MAX {
            wrong.push(format!(
                "{path} has {lines} lines, at most {MAIN_LINES_MAX} are allowed"
            ));
        }
        let words = main
            .lines()
            .flat_map(|line| code(line).split(|c: char| !c.is_alphanumeric() && c != '_'));
        let decisions = words.filter(|word| ["if", "match", "while", "loop"].contains(word));
        wrong.extend(decisions.map(|word| format!("{path} has a `{word}`")));
    }
    nothing_found(
        wrong,
        "main.rs only wires; what decides belongs into handler.rs, with tests",
    );
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

#[test]
fn every_function_has_its_block_in_the_template_and_every_block_its_function() {
    let template = text("infra/template.yaml").expect("infra/template.yaml is there");
    let blocks: BTreeSet<_> = template
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("CodeUri: ../target/lambda/")?
                .strip_suffix("/bootstrap.zip")
        })
        .map(str::to_owned)
        .collect();
    let functions = functions();
    nothing_found(
        functions.difference(&blocks),
        "give the function a block of its own in infra/template.yaml",
    );
    nothing_found(
        blocks.difference(&functions),
        "there is no such folder in functions/: take its block out",
    );
}

#[test]
fn every_function_is_a_crate_and_nothing_else_lies_in_functions() {
    let folders: BTreeSet<_> = files()
        .iter()
        .filter_map(|path| {
            Some(
                path.strip_prefix("functions/")?
                    .split('/')
                    .next()?
                    .to_owned(),
            )
        })
        .collect();
    let functions = functions();
    nothing_found(
        folders.symmetric_difference(&functions),
        "functions/ holds one crate for each Lambda function",
    );
}
