//! The process of one run: it is told what to run in a line of its standard input, and says what came of it on its standard
//! output. It does not outlive whoever holds the other end of its input.

use std::io::{BufRead, Read, Write};

use crate::machine;
use crate::run::{Outcome, Run, once};
use crate::scenario::Scenario;

/// The environment variable that makes a process the one of a run.
pub const RUN: &str = "TERRACE_SIMULATE_RUN";

/// What the line with the outcome begins with.
pub(crate) const MARK: &str = "TERRACE_SIMULATE_OUTCOME ";

/// The exit status of a run whose campaign is gone.
const ABANDONED: i32 = 3;

/// If this process is the one of a run, does it, and returns the status to exit with; to be asked first of all in a
/// program that launches itself for [`campaign::run`](crate::campaign::run).
pub fn answer(scenarios: &[Scenario]) -> Option<u8> {
    std::env::var_os(RUN)?;
    let said = respond(scenarios).and_then(|outcome| {
        let line = serde_json::to_string(&outcome).map_err(|error| error.to_string())?;
        // A test's output may have begun a line already.
        let mut out = std::io::stdout().lock();
        let written = out.write_all(format!("\n{MARK}{line}\n").as_bytes());
        written.and_then(|()| out.flush()).map_err(|error| error.to_string())
    });
    match said {
        Ok(()) => Some(0),
        Err(why) => {
            // Nobody else could be told.
            let _ = writeln!(std::io::stderr(), "{why}");
            Some(2)
        }
    }
}

fn respond(scenarios: &[Scenario]) -> Result<Outcome, String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|error| format!("cannot read what to run: {error}"))?;
    let run: Run = serde_json::from_str(&text)
        .map_err(|error| format!("{RUN} is set, but the standard input is no run: {error}"))?;
    end_with_the_campaign();
    let found = scenarios.iter().find(|scenario| scenario.name == run.scenario);
    let Some(scenario) = found else {
        let known: Vec<&str> = scenarios.iter().map(|scenario| scenario.name).collect();
        return Err(format!(
            "there is no scenario `{}`; there are {}",
            run.scenario,
            known.join(", ")
        ));
    };
    once(scenario, &run).map_err(|error| error.to_string())
}

/// A run that does not end by itself ends when the campaign is gone: its input is closed then.
fn end_with_the_campaign() {
    let watch = || {
        let mut rest = Vec::new();
        let _ = std::io::stdin().lock().read_to_end(&mut rest);
        std::process::exit(ABANDONED);
    };
    // Without a thread more it is only less tidy.
    let _ = machine::in_background(watch);
}
