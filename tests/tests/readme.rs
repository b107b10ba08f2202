//! The README shows what is there: each line of its diff is a line of the program before or after.
#![allow(clippy::disallowed_methods, reason = "a test of the files themselves")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn lines_of(side: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/adopt")
        .join(side);
    fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flat_map(|entry| {
            let text = fs::read_to_string(entry.expect("an entry can be read").path()).expect("a source can be read");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_diff_in_the_readme_is_that_of_the_example() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("there is a README.md");
    let (_, diff) = readme.split_once("```diff\n").expect("the README has a diff");
    let (diff, _) = diff.split_once("\n```").expect("the diff ends");
    let (before, after) = (lines_of("before"), lines_of("after"));
    for line in diff
        .lines()
        .filter(|line| !line.starts_with("---") && !line.starts_with("+++"))
    {
        let (mark, text) = line.split_at(1);
        let there = match mark {
            "-" => before.contains(text),
            "+" => after.contains(text),
            _ => before.contains(text) && after.contains(text),
        };
        assert!(there, "`{line}` is not in the example");
    }
}
