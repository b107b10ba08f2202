//! The outside is banned above `world`, by lints that name the right door.

use std::path::Path;

use house::{cargo_in, packages, read, sources};

/// The files above `world` that may go outside by themselves, with why. A new one shows in review.
const ALLOWED: [(&str, &str); 7] = [
    (
        "crates/calls/wire/src/http/node.rs",
        "hyper's timer speaks in std's instants; only differences of them are used",
    ),
    (
        "crates/cli/src/machine.rs",
        "a command for a person works on the machine's own files",
    ),
    (
        "crates/ground/macros/src/migrations.rs",
        "a macro reads the source of the program that is built",
    ),
    (
        "crates/sim/src/machine.rs",
        "a campaign stands outside of every world: its threads, clock and files are the machine's",
    ),
    (
        "crates/tiers/database/src/engine/postgres.rs",
        "the engine opens its own sockets, on a thread with a runtime of its own and on its callers' runtime",
    ),
    (
        "tests/servers/src/lib.rs",
        "real servers are processes, folders and ports of the machine",
    ),
    ("tests/src/lib.rs", "tests of the house read the project's own files"),
];

#[test]
fn every_banned_path_of_the_standard_library_is_refused_with_its_door() {
    let folder = Path::new("tests/fixtures/outside");
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/outside");
    let output = cargo_in(
        folder,
        &["clippy", "--offline", "--locked", "--quiet", "--target-dir", target],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success(),
        "clippy accepted a crate that goes outside: {said}"
    );
    let mut checked = 0;
    for (path, door) in banned().into_iter().filter(|(path, _)| path.starts_with("std::")) {
        let refused = said
            .split("\nerror: ")
            .any(|error| error.contains(&format!("`{path}`")) && error.contains(&door));
        assert!(
            refused,
            "clippy did not refuse `{path}` with its door; use it in {}:\n{said}",
            folder.display()
        );
        checked += 1;
    }
    assert!(
        checked >= 10,
        "clippy.toml bans {checked} paths of the standard library"
    );
}

#[test]
fn every_crate_takes_the_workspace_s_lints() {
    for package in packages() {
        let manifest: toml::Table = read(package.folder.join("Cargo.toml"))
            .parse()
            .expect("a manifest is TOML");
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(
            lints,
            Some(true),
            "`{}` leaves the lint table; add [lints] workspace = true",
            package.name
        );
    }
}

#[test]
fn only_world_goes_outside() {
    let above = packages()
        .into_iter()
        .filter(|package| package.name != "world" && package.name != "bench");
    for path in above.flat_map(|package| sources(package.folder.join("src"))) {
        let text = read(&path);
        let (product, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        let allowed = ALLOWED.iter().any(|(known, _)| path == Path::new(known));
        let allows = product.contains("clippy::disallowed");
        assert!(
            !allows || allowed,
            "{} goes outside by itself; ask `Env`, or say why in ALLOWED",
            path.display()
        );
        assert!(
            allows || !allowed,
            "{} needs no allowance; remove it from ALLOWED",
            path.display()
        );
    }
}

/// What `clippy.toml` bans, with the doors it names.
fn banned() -> Vec<(String, String)> {
    let clippy: toml::Table = read("clippy.toml").parse().expect("clippy.toml is TOML");
    let lists = ["disallowed-methods", "disallowed-types", "disallowed-macros"];
    let entries = lists
        .into_iter()
        .flat_map(|list| clippy[list].as_array().into_iter().flatten());
    entries
        .map(|entry| (text(&entry["path"]), text(&entry["reason"])))
        .collect()
}

fn text(value: &toml::Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
