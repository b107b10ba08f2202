//! Public tools for OpenAPI, in Python: a validator of documents and of JSON, and a generator of clients.

use std::path::Path;
use std::process::Command;

use crate::cache::{self, Cached};
use crate::{Error, process};

/// From PyPI. The validator brings `jsonschema`, the generator `httpx`.
const PACKAGES: [&str; 2] = ["openapi-spec-validator==0.9.0", "openapi-python-client==0.29.1"];
/// Raised when what `make` does changes, so that no old folder is taken.
const RECIPE: u32 = 1;

/// Runs scripts that use the tools.
#[derive(Debug)]
pub struct OpenApi {
    packages: Cached,
}

impl OpenApi {
    /// The tools; fetched once for a machine.
    pub fn find() -> Result<OpenApi, Error> {
        let python = process::in_path("python3").ok_or(Error::Missing {
            program: "python3",
            also: "",
            package: "python3 python3-venv",
        })?;
        let version = process::run(Command::new(&python).arg("--version"), "")?;
        let version = version.trim().replace(' ', "-").to_lowercase();
        let packages = cache::cached(&format!("openapi-{version}-{RECIPE}"), |folder| {
            let venv = folder.join("venv");
            process::run(Command::new(&python).args(["-m", "venv"]).arg(&venv), "")?;
            let mut pip = Command::new(venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(PACKAGES);
            process::run(&mut pip, "").map(drop)
        })?;
        Ok(OpenApi { packages })
    }

    /// Runs `script` with `arguments`, and answers what it prints; what it says when it fails is the error.
    pub fn run(&self, script: &Path, arguments: &[&str]) -> Result<String, Error> {
        let mut python = Command::new(self.packages.path().join("venv/bin/python"));
        python.arg(script).args(arguments);
        process::run(&mut python, "")
    }
}
