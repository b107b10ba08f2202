//! What cargo says about the house.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::root;

/// One of our own crates, as cargo knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name without the prefix `terrace-`, as in code.
    pub name: String,
    /// Its folder, from the root of the house.
    pub folder: PathBuf,
    /// What it needs to build and run of our own, with `?` behind an optional one. Sorted.
    pub needs: Vec<String>,
}

/// Runs cargo, the same that runs this test, at the root.
///
/// # Panics
/// Where cargo cannot be started.
pub fn cargo(arguments: &[&str]) -> Output {
    cargo_in(Path::new(""), arguments)
}

/// Runs cargo in `folder`, from the root.
///
/// # Panics
/// Where cargo cannot be started.
pub fn cargo_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root().join(folder)).args(arguments);
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo {arguments:?}: {error}"))
}

/// What cargo printed.
///
/// # Panics
/// Where cargo failed; with what it said.
pub fn printed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo failed: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Our own crates, sorted by name, with the edges that are built: normal and build dependencies.
///
/// # Panics
/// Where cargo's answer is not what `cargo metadata` documents.
pub fn packages() -> Vec<Package> {
    let metadata = printed(cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    let mut packages: Vec<Package> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(package)
        .collect();
    packages.sort();
    packages
}

fn package(metadata: &serde_json::Value) -> Package {
    let manifest = Path::new(metadata["manifest_path"].as_str().unwrap_or_default());
    let folder = manifest
        .parent()
        .and_then(|folder| folder.strip_prefix(root()).ok())
        .unwrap_or(Path::new(""));
    let ours = |dependency: &&serde_json::Value| dependency["path"].is_string() && dependency["kind"] != "dev";
    let dependencies = metadata["dependencies"].as_array().into_iter().flatten();
    let mut needs: Vec<String> = dependencies
        .filter(ours)
        .map(|dependency| {
            let mark = if dependency["optional"] == true { "?" } else { "" };
            format!("{}{mark}", short(&dependency["name"]))
        })
        .collect();
    needs.sort();
    needs.dedup();
    Package {
        name: short(&metadata["name"]),
        folder: folder.to_path_buf(),
        needs,
    }
}

fn short(name: &serde_json::Value) -> String {
    let name = name.as_str().unwrap_or_default();
    name.strip_prefix("terrace-").unwrap_or(name).to_string()
}
