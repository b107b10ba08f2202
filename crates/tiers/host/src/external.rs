//! Components that are programs of their own: where each is.

use std::collections::BTreeMap;

use wire::{Origin, Token, Whereabouts};

use crate::config::{Config, ExternalConfig, ExternalProgram};

/// Where the program of each external component is, or why that cannot be known. `started` has those that this process
/// keeps running.
pub(crate) fn whereabouts(
    config: &Config,
    started: &BTreeMap<String, Whereabouts>,
) -> Result<BTreeMap<String, Whereabouts>, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, external) in &config.external {
        let whereabouts = match started.get(name) {
            Some(started) => Ok(started.clone()),
            None => of(config, external),
        };
        match whereabouts {
            Ok(whereabouts) => drop(found.insert(name.clone(), whereabouts)),
            Err(why) => {
                let place = config.source.place(&external.span);
                problems.push(format!("{place}: external component `{name}`: {why}"));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

fn of(config: &Config, external: &ExternalConfig) -> Result<Whereabouts, String> {
    match &external.program {
        ExternalProgram::Url { url, token } => {
            let token = token.as_ref().map(|token| config.secret(token)).transpose();
            let token = token.map_err(|error| error.to_string())?;
            let token = token.map(|token| Token::new(token.reveal())).transpose();
            let token = token.map_err(|error| error.to_string())?;
            let origin = Origin::new(url, token).map_err(|error| error.to_string())?;
            Ok(Whereabouts::fixed(origin))
        }
        ExternalProgram::Command(_) => {
            let why = "its program was not started: this command, or a simulated node, starts none";
            Ok(Whereabouts::nowhere(&external.name(), why))
        }
    }
}
