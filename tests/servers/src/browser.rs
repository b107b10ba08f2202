//! A browser for tests of pages: Chromium of this machine, driven by a script in Python.

use std::path::Path;
use std::process::Command;

use crate::cache::{self, Cached};
use crate::{Error, process};

/// From PyPI: what drives a browser, and what looks at pages as people with other senses meet them. No browser is fetched.
const PACKAGES: [&str; 2] = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];
/// Raised when what `make` does changes, so that no old folder is taken.
const RECIPE: u32 = 1;

/// Runs scripts that drive a browser.
#[derive(Debug)]
pub struct Browser {
    packages: Cached,
    chromium: std::path::PathBuf,
}

impl Browser {
    /// Finds Chromium; the packages are fetched once for a machine.
    pub fn find() -> Result<Browser, Error> {
        let chromium = process::in_path("chromium").ok_or(Error::Missing {
            program: "chromium",
            also: "",
            package: "chromium",
        })?;
        let python = process::in_path("python3").ok_or(Error::Missing {
            program: "python3",
            also: "",
            package: "python3 python3-venv",
        })?;
        let version = process::run(Command::new(&python).arg("--version"), "")?;
        let version = version.trim().replace(' ', "-").to_lowercase();
        let packages = cache::cached(&format!("browser-{version}-{RECIPE}"), |folder| {
            let venv = folder.join("venv");
            process::run(Command::new(&python).args(["-m", "venv"]).arg(&venv), "")?;
            let mut pip = Command::new(venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(PACKAGES);
            process::run(&mut pip, "").map(drop)
        })?;
        Ok(Browser { packages, chromium })
    }

    /// Runs `script` with the path of Chromium and `arguments`, and answers what it prints; what it says when it fails is
    /// the error.
    pub fn run(&self, script: &Path, arguments: &[&str]) -> Result<String, Error> {
        let mut python = Command::new(self.packages.path().join("venv/bin/python"));
        python.arg(script).arg(&self.chromium).args(arguments);
        process::run(&mut python, "")
    }
}
