//! Requests flow down the floors: a crate uses only crates on lower floors, and a new edge shows in review.

use house::{packages, read, write};

const GOLDEN: &str = "tests/crate_graph.txt";

/// Which floor each crate is on. `ARCHITECTURE.md` has the same order.
const FLOORS: [(&str, u8); 22] = [
    ("macros", 0),
    ("world", 0),
    ("telemetry", 0),
    ("wire", 1),
    ("component", 2),
    ("sim", 3),
    ("database", 3),
    ("jobs", 4),
    ("host", 5),
    ("front", 6),
    ("deploy", 6),
    ("app", 7),
    ("terrace", 8),
    ("cli", 9),
    ("adopt", 9),
    ("hello", 9),
    ("shop", 9),
    ("todo", 9),
    ("bench", 9),
    ("house", 9),
    ("servers", 9),
    ("fuzz-bodies", 9),
];

/// The edges allowed between crates of one floor.
const BESIDE: [(&str, &str); 2] = [("telemetry", "world"), ("bench", "servers")];

#[test]
fn the_crate_graph_is_the_one_in_the_golden_file() {
    let graph: String = packages()
        .iter()
        .map(|package| line(&package.name, &package.needs))
        .collect();
    let head = "# Floor, crate -> what it needs of our own to build and run; `?` is optional.\n\
                # Written by UPDATE_GOLDEN=1 cargo test -p house --test crate_graph\n";
    let mut lines: Vec<&str> = graph.lines().collect();
    lines.sort_unstable();
    let graph = format!("{head}{}\n", lines.join("\n"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write(GOLDEN, &graph).expect("the golden file can be written");
    }
    assert_eq!(
        graph,
        read(GOLDEN),
        "the crate graph changed; if that is meant, run with UPDATE_GOLDEN=1 and commit"
    );
}

#[test]
fn every_edge_goes_to_a_lower_floor() {
    for package in packages() {
        for need in &package.needs {
            let need = need.trim_end_matches('?');
            let down = floor(need) < floor(&package.name);
            let beside = BESIDE.contains(&(package.name.as_str(), need));
            assert!(
                down || beside,
                "`{}` on floor {} uses `{need}` on floor {}; turn the edge round or move what is needed down",
                package.name,
                floor(&package.name),
                floor(need)
            );
        }
    }
}

#[test]
fn every_floor_s_crate_exists() {
    let packages = packages();
    for (name, _) in FLOORS {
        assert!(
            packages.iter().any(|package| package.name == name),
            "there is no crate `{name}`; remove it from FLOORS"
        );
    }
}

fn line(name: &str, needs: &[String]) -> String {
    let line = format!("{} {name} -> {}", floor(name), needs.join(" "));
    format!("{}\n", line.trim_end())
}

fn floor(name: &str) -> u8 {
    let found = FLOORS.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("crate `{name}` has no floor; add it to FLOORS in tests/tests/crate_graph.rs"))
        .1
}
