//! The command `doctor`: looks at what an application needs, and says what to do about what is wrong. It changes nothing.

#[cfg(feature = "database")]
mod engines;
mod surroundings;

use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use host::{Config, Modules};
use serde::Serialize;
use world::Env;

use crate::console::Console;
use crate::failure::CommandError;

/// Who is looked at.
pub(crate) struct Patient {
    pub(crate) env: Env,
    pub(crate) config: Arc<Config>,
    pub(crate) modules: Modules,
    pub(crate) console: Arc<Console>,
    pub(crate) json: bool,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

/// What was looked at, and how it stands.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    /// What to do, where something is to be done.
    next: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding {
            what: what.into(),
            state: State::Ok,
            found: found.into(),
            next: None,
        }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Finding {
        Finding {
            state: State::Warning,
            next: Some(next.into()),
            ..Finding::ok(what, found)
        }
    }

    fn failed(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Finding {
        Finding {
            state: State::Failed,
            next: Some(next.into()),
            ..Finding::ok(what, found)
        }
    }
}

/// Looks at everything; the exit status is 1 if something does not work.
pub(crate) async fn run(patient: Patient) -> Result<u8, CommandError> {
    let Patient {
        env,
        config,
        modules,
        console,
        json,
    } = patient;
    let mut findings = vec![surroundings::configuration(&config)];
    #[cfg(feature = "front")]
    let has_front = modules.has_front();
    #[cfg(feature = "database")]
    let held = {
        findings.push(surroundings::data(&env, &config).await);
        let (found, held) = engines::look(&env, &config, modules).await?;
        findings.extend(found);
        findings.extend(surroundings::mail(&env, &config).await);
        held
    };
    #[cfg(not(feature = "database"))]
    let held = {
        drop(modules);
        false
    };
    findings.push(surroundings::clock(&env));
    #[cfg(feature = "front")]
    if has_front {
        findings.push(surroundings::certificate(&env, &config).await);
        findings.push(surroundings::address(&env, &config, held).await);
    }
    #[cfg(not(feature = "front"))]
    let _ = held;
    match json {
        true => console.verdict(&format!("{}\n", serde_json::to_string_pretty(&findings)?))?,
        false => console.verdict(&printed(&findings))?,
    }
    Ok(u8::from(findings.iter().any(|finding| finding.state == State::Failed)))
}

fn printed(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_header(["looked at", "state", "found"]);
    for finding in findings {
        let state = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "FAILED",
        };
        table.add_row([finding.what.as_str(), state, &finding.found]);
    }
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    for finding in findings {
        if let Some(next) = &finding.next {
            text.push_str(&format!("\n{}: {next}\n", finding.what));
        }
    }
    text
}
