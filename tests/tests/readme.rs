//! The README shows what is there: each line of its diff is a line of the program before or after.

use std::collections::BTreeSet;

use house::{read, sources};

fn lines_of(side: &str) -> BTreeSet<String> {
    let texts = sources(format!("examples/adopt/{side}")).into_iter().map(read);
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn the_diff_in_the_readme_is_that_of_the_example() {
    let readme = read("README.md");
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
