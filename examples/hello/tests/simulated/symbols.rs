//! Which of the C library's functions a program defines itself, by `nm`.

use std::collections::BTreeSet;
use std::process::Command;

/// What the simulator overrides: `sim::determinism::OVERRIDDEN`.
pub(crate) const OVERRIDDEN: [&str; 4] = ["clock_gettime", "getrandom", "gettimeofday", "pthread_create"];

/// Those of [`OVERRIDDEN`] that `program` defines.
pub(crate) fn defined(program: &str) -> BTreeSet<String> {
    let output = Command::new("nm").args(["--defined-only", program]).output();
    let output = output.expect("nm lists symbols; it is in the Debian package binutils");
    let listed = String::from_utf8(output.stdout).expect("symbols are text");
    let names: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        // A version may follow the name.
        .filter_map(|symbol| symbol.split('@').next())
        .collect();
    assert!(
        names.contains("main"),
        "{program} has symbols: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let overridden = OVERRIDDEN.iter().filter(|name| names.contains(*name));
    overridden.map(|name| (*name).to_owned()).collect()
}
