//! The source files: their sizes, their names, and words that have no place in them.

use crate::root;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Past this a file needs a reason, given in [`LONG`].
const LINES: usize = 400;
/// Past this there is no reason.
const MOST_LINES: usize = 500;
/// Files that are longer than [`LINES`], and why each is still one idea.
const LONG: [(&str, &str); 0] = [];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 8] =
    ["mod.rs", "utils.rs", "util.rs", "common.rs", "manager.rs", "helper.rs", "helpers.rs", "misc.rs"];
/// Rooms with source of ours.
const ROOMS: [&str; 4] = ["crates", "bins", "examples", "tests"];

fn sources(rooms: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for room in rooms {
        collect(&root().join(room), &mut found);
    }
    assert!(found.len() > 50 || rooms.len() < 2, "the sources are found");
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            found.push((path.strip_prefix(root()).expect("a path of ours").to_owned(), text));
        }
    }
}

#[test]
fn files_are_of_a_size_to_read() {
    for (path, text) in sources(&["crates", "bins"]) {
        let lines = text.lines().count();
        let reason = LONG.iter().find(|(long, _)| Path::new(long) == path);
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines: no file needs more than {MOST_LINES}",
            path.display()
        );
        assert!(
            lines <= LINES || reason.is_some(),
            "{} has {lines} lines: split it, or give the reason here",
            path.display()
        );
    }
}

#[test]
fn names_say_something() {
    for (path, _) in sources(&ROOMS) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!EMPTY_NAMES.contains(&name), "{}: name it for what it holds", path.display());
    }
}

#[test]
fn no_silent_allowance_and_no_way_round_safety() {
    // Put together here, so that this file does not hold them.
    let words = [["#[", "allow("].concat(), ["#![", "allow("].concat(), ["unsafe", " {"].concat()];
    for (path, text) in sources(&ROOMS) {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{}: `{word}`: use #[expect(…, reason)]", path.display());
        }
    }
}

#[test]
fn rules_cite_their_source_in_one_form() {
    for (path, text) in sources(&["crates", "bins"]) {
        for (number, line) in text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            let wrong = comment.match_indices("RFC").any(|(at, _)| {
                let cited = &comment[at + 3..];
                let place = cited.trim_start_matches(|c: char| c.is_ascii_digit() || " ,".contains(c));
                cited.starts_with(|c: char| c.is_ascii_digit() || c == '-') || place.starts_with("section")
            });
            assert!(!wrong, "{}:{}: write `RFC 5321 §4.5.3.1`", path.display(), number + 1);
        }
    }
}
