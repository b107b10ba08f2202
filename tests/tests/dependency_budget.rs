//! How many crates a newcomer builds, and which never.

use std::collections::BTreeSet;

use house::{cargo, printed};

/// Crates of a default build, ours among them. What a newcomer waits for.
const DEFAULT_CRATES_BELOW: usize = 320;

/// Crates of `terrace` without its features: what a team pays that starts with one component.
const LEAN_CRATES_MAX: usize = 80;

/// Crates that stay out, with why. The tests may not use them either.
const AVOIDED: [(&str, &str); 36] = [
    ("actix-web", "a web framework with a runtime of its own; hyper and axum"),
    ("async-std", "a second runtime; tokio"),
    ("aws-lc-rs", "minutes of C; ring"),
    ("aws-lc-sys", "minutes of C; ring"),
    (
        "bincode",
        "unmaintained; postcard's format between equal hashes, named maps otherwise",
    ),
    ("bitcode", "no stable format"),
    ("ciborium", "a third codec"),
    ("diesel", "an ORM"),
    ("dropshot", "brings aws-lc"),
    ("etcd-client", "needs protoc to build"),
    ("figment", "stale; toml and serde"),
    (
        "governor",
        "limits must know the call's marks and run on simulated time",
    ),
    ("kube", "its weight; manifests are rendered"),
    ("libpq-sys", "links C; tokio-postgres"),
    ("madsim", "patches tokio"),
    ("matchers", "env-filter's weight of regex; `Targets`"),
    ("moka", "a private clock"),
    ("native-tls", "links openssl; rustls"),
    ("openssl", "links C; rustls"),
    ("openssl-sys", "links C; rustls"),
    ("pingora-cache", "experimental; ignores parts of RFC 9111"),
    ("pq-sys", "links C; tokio-postgres"),
    ("quick_cache", "no expiry"),
    ("ratatui", "its weight in the base build"),
    ("reed-solomon-erasure", "reed-solomon-simd"),
    ("reqwest", "brings aws-lc; hyper-util's client"),
    ("rkyv", "a third codec"),
    ("salvo", "a second web framework; axum"),
    ("sea-orm", "an ORM"),
    ("serde_yaml", "unmaintained, and a second format of configuration"),
    ("smol", "a second runtime; tokio"),
    (
        "sqlx",
        "its SQLite cannot share a lock file with rusqlite's; runs threads no simulation can order",
    ),
    (
        "tower-resilience",
        "retries must know the call's marks and run on simulated time",
    ),
    ("turso", "rusqlite"),
    ("utoipa", "a second source of schemas; schemars"),
    ("xitca-web", "a second web framework; axum"),
];

#[test]
fn a_default_build_stays_below_320_crates() {
    let crates = tree(&["--workspace", "--exclude", "terrace-bench", "--edges", "normal,build"]);
    assert!(
        crates.len() < DEFAULT_CRATES_BELOW,
        "{} crates; the budget is {DEFAULT_CRATES_BELOW}",
        crates.len()
    );
    assert!(crates.len() > 10, "cargo tree said next to nothing: {crates:?}");
}

#[test]
fn one_component_costs_at_most_80_crates() {
    let crates = tree(&[
        "--package",
        "terrace",
        "--no-default-features",
        "--edges",
        "normal,build",
    ]);
    assert!(
        crates.len() <= LEAN_CRATES_MAX,
        "{} crates; the budget is {LEAN_CRATES_MAX}: {crates:?}",
        crates.len()
    );
    assert!(crates.len() > 5, "cargo tree said next to nothing: {crates:?}");
    let app = ["terrace-app", "terrace-host", "clap"];
    let extra: Vec<_> = app
        .into_iter()
        .filter(|name| crates.iter().any(|known| named(known, name)))
        .collect();
    assert!(
        extra.is_empty(),
        "without its features `terrace` still builds {extra:?}"
    );
}

#[test]
fn what_we_avoid_is_in_no_build_or_test_of_ours() {
    let crates = tree(&[
        "--workspace",
        "--exclude",
        "terrace-bench",
        "--all-features",
        "--edges",
        "normal,build,dev",
    ]);
    for (avoided, why) in AVOIDED {
        let found: Vec<_> = crates.iter().filter(|known| named(known, avoided)).collect();
        assert!(
            found.is_empty(),
            "{found:?} is in the graph; avoided: {why}; see `cargo tree --invert {avoided}`"
        );
    }
    assert!(AVOIDED.is_sorted(), "keep AVOIDED sorted");
}

/// Names with versions, once each, for this machine's target.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let always = ["tree", "--locked", "--prefix", "none", "--format", "{p}"];
    let tree = printed(cargo(&[&always, arguments].concat()));
    // `name v1.2.3 (path or "proc-macro") (*)`
    tree.lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn named(known: &str, name: &str) -> bool {
    known.split(' ').next() == Some(name)
}
