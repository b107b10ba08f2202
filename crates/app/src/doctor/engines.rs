//! The engines of an application's databases.

use std::sync::Arc;

use database::config::Place;
use host::databases;
use host::{Config, Modules};
use world::Env;

use super::Finding;
use crate::database::Status;
use crate::failure::CommandError;

/// What is found of each database, and whether a process has the data now.
pub(super) async fn look(
    env: &Env,
    config: &Arc<Config>,
    modules: Modules,
) -> Result<(Vec<Finding>, bool), CommandError> {
    let settings = database::Config {
        migrate: false,
        ..databases::configured(config)?
    };
    let is_sqlite = matches!(settings.engine, Place::Sqlite);
    let (mut findings, mut held) = (Vec::new(), false);
    for (component, asked) in modules.asked_databases(env, config.clone()).await? {
        let what = format!("database of {component}");
        let status = crate::database::status_of(env, component.clone(), &settings, asked).await;
        held |= status.pid.is_some();
        findings.push(match found(&status) {
            Ok(found) => Finding::ok(what, found),
            Err(error) if is_sqlite && error.ends_with(NOT_YET) => {
                Finding::ok(what, "not there yet; the first start makes it")
            }
            Err(error) => Finding::failed(what, error, next(is_sqlite)),
        });
    }
    Ok((findings, held))
}

/// How the error ends that says that there is no data yet.
const NOT_YET: &str = "start the application once";

fn found(status: &Status) -> Result<String, String> {
    if let Some(error) = &status.error {
        return Err(error.clone());
    }
    let held = status.pid.map(|pid| format!(", held by process {pid}"));
    let pending = match status.pending.len() {
        0 => String::new(),
        pending => format!(", {pending} to be run at the next start"),
    };
    let steps = status.applied.len();
    let engine = status.engine;
    Ok(format!(
        "{engine}, {steps} steps of its schema{pending}{}",
        held.unwrap_or_default()
    ))
}

fn next(is_sqlite: bool) -> &'static str {
    match is_sqlite {
        true => {
            "see that the file is whole and may be read by this user; `database restore FOLDER` brings a backup back, and \
             `--data FOLDER` chooses other data"
        }
        false => {
            "see that the server runs, that it is reached from here, and that user and password in tiers.database are right; \
             `describe --configuration` says where each was written"
        }
    }
}
