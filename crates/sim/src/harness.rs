//! What `#[terrace::simulate]` makes of a test: a campaign whose processes are this test binary, with this test alone.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::campaign::{self, Campaign, Replayed};
use crate::child;
use crate::machine;
use crate::run::Run;
use crate::scenario::Scenario;

/// The environment variable that names a saved failure to replay instead of running a campaign.
pub const REPLAY: &str = "TERRACE_SIMULATE_REPLAY";

/// Runs `scenario` as the test at `path`, such as `crate::module::name`, of the package in `manifest_dir`; failures are
/// saved in `tests/failures` of that package.
///
/// Panics with a report if the campaign does not pass.
pub fn test(scenario: Scenario, manifest_dir: &str, path: &str) {
    if let Some(status) = child::answer(std::slice::from_ref(&scenario)) {
        std::process::exit(i32::from(status));
    }
    let campaign = Campaign {
        saved: Some(Path::new(manifest_dir).join("tests/failures")),
        pictures: pictures(),
        ..Campaign::default()
    };
    let said = match std::env::var_os(REPLAY) {
        Some(file) => replay(
            &scenario,
            &campaign,
            manifest_dir,
            path,
            &found(Path::new(&file), manifest_dir),
        ),
        None => whole(&scenario, &campaign, manifest_dir, path),
    };
    if let Err(why) = said {
        panic!("{why}");
    }
}

/// The command that starts the test at `path` of this binary, in a process of its own.
pub fn launch(path: &str) -> impl Fn(&Run) -> Command + use<> {
    // A test is named without its crate.
    let name = path.split_once("::").map_or(path, |(_, name)| name).to_owned();
    let program = std::env::current_exe();
    move |_| {
        let mut command = Command::new(
            program
                .as_deref()
                .unwrap_or(Path::new("the test binary, which is gone")),
        );
        command
            .args([name.as_str(), "--exact", "--nocapture"])
            .env_remove(REPLAY);
        command
    }
}

fn whole(scenario: &Scenario, campaign: &Campaign, manifest_dir: &str, path: &str) -> Result<(), String> {
    let report = campaign::run(scenario, campaign, &launch(path), &mut |_| {}).map_err(|error| error.to_string())?;
    if report.passed() {
        // For whoever looks, as in a replay.
        let _ = write!(std::io::stderr(), "{}", report.text());
        return Ok(());
    }
    let mut text = format!("the scenario does not hold\n\n{}", report.text());
    for failure in &report.failures {
        let command = match &failure.saved {
            Some(saved) => replay_command(manifest_dir, path, saved),
            None => String::new(),
        };
        text.push('\n');
        text.push_str(&failure.text(&command));
    }
    Err(text)
}

fn replay(scenario: &Scenario, campaign: &Campaign, manifest_dir: &str, path: &str, file: &Path) -> Result<(), String> {
    let saved = crate::saved::read(file).map_err(|error| error.to_string())?;
    if saved.scenario != scenario.name {
        return Ok(());
    }
    let Replayed { failure, hash } =
        campaign::replay(file, campaign, &launch(path)).map_err(|error| error.to_string())?;
    match failure {
        Some(failure) => Err(format!(
            "it still fails\n\n{}",
            failure.text(&replay_command(manifest_dir, path, file))
        )),
        None => {
            // For whoever looks; to be told or not makes no difference to the test.
            let _ = writeln!(
                std::io::stderr(),
                "{} does not fail any more (trace hash {hash:016x})",
                file.display()
            );
            Ok(())
        }
    }
}

/// What to type to see a saved failure again.
fn replay_command(manifest_dir: &str, path: &str, file: &Path) -> String {
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    let manifest = Path::new(manifest_dir).join("Cargo.toml");
    let package = match std::env::var("CARGO_PKG_NAME") {
        Ok(package) => format!("-p {package}"),
        Err(_) => format!("--manifest-path {}", manifest.display()),
    };
    // Where a package has the simulator behind a feature of its own, its simulated tests are built with it only.
    let behind_feature = machine::read(&manifest).is_ok_and(|text| text.contains("required-features = [\"simulate\"]"));
    let feature = if behind_feature { " --features simulate" } else { "" };
    format!("{REPLAY}={} cargo test {package}{feature} {name}", file.display())
}

/// The file that was named, as seen from here or from one of the folders above the package.
fn found(file: &Path, manifest_dir: &str) -> PathBuf {
    let above = Path::new(manifest_dir).ancestors().map(|folder| folder.join(file));
    let mut candidates = std::iter::once(file.to_owned()).chain(above);
    candidates.find(|path| path.exists()).unwrap_or_else(|| file.to_owned())
}

/// `target/debug/simulate`, beside what cargo builds.
fn pictures() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    Some(program.parent()?.parent()?.join("simulate"))
}
