//! What every source file has, and what none has.

use crate::{files, nothing_found, text};

/// A longer file has more than one subject.
const LINES_MAX: usize = 400;

fn rust_files() -> impl Iterator<Item = (String, String)> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.filter_map(|path| text(&path).map(|text| (path, text)))
}

/// Each line of the files that holds one of the words.
fn lines_with(files: impl Iterator<Item = (String, String)>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            let words = words.iter().filter(|word| stands_in(line, word));
            found.extend(words.map(|word| format!("{path}:{number}: {word}")));
        }
    }
    found
}

/// Whether the word stands in the line by itself, not as the end of a longer one.
fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || ['_', '.', '-', '}', '*'].contains(&c))
    })
}

#[test]
fn every_file_says_what_it_is() {
    let silent = rust_files().filter(|(_, text)| !text.starts_with("//! "));
    nothing_found(
        silent.map(|(path, _)| path),
        "begin the file with `//!`: what it is, and the one decision that a reader would question",
    );
}

#[test]
fn no_file_has_more_lines_than_one_subject_needs() {
    let long = rust_files()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX);
    nothing_found(
        long.map(|(path, lines)| format!("{path}: {lines}")),
        &format!("split files of more than {LINES_MAX} lines by subject"),
    );
}

#[test]
fn nothing_is_left_to_be_done_later_and_nothing_is_left_from_debugging() {
    // Put together here, so that this file does not find itself.
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let words: Vec<_> = unfinished.iter().map(String::as_str).collect();
    nothing_found(
        lines_with(rust_files(), &words),
        "finish it, or leave it out",
    );
}

#[test]
fn no_file_names_a_place_on_one_machine_or_a_private_registry() {
    const PLACES: [&str; 4] = ["/home/", "/Users/", "/root/", "/tmp/"];
    const REGISTRIES: [&str; 4] = ["index-url", "extra-index", "artifactory", "replace-with"];
    // This file would find itself.
    let others = files()
        .into_iter()
        .filter(|path| !path.ends_with("tidy/sources.rs"));
    let texts = others.filter_map(|path| text(&path).map(|text| (path, text)));
    let words = [PLACES, REGISTRIES].concat();
    nothing_found(
        lines_with(texts, &words),
        "use a path from the root of the repository, and leave the choice of a registry to the user's own settings",
    );
}
