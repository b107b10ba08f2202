//! Statements that take long are traced, with how SQLite finds their rows. Values of parameters are never traced.

use std::time::Duration;

use rusqlite::Connection;
use world::Env;

use super::opening::Settings;

/// Bytes of a statement that a trace shows.
const SQL_SHOWN_BYTES: usize = 2_000;

pub(super) struct Slow {
    env: Env,
    component: String,
    from: Duration,
}

impl Slow {
    /// `None` where statements are inline: there they take no time.
    pub(super) fn new(settings: &Settings) -> Option<Slow> {
        (!settings.place.inline).then(|| Slow {
            env: settings.env.clone(),
            component: settings.component.clone(),
            from: settings.slow,
        })
    }

    /// Runs `statement`, whose text is `sql`, and traces it if that takes long.
    pub(super) fn timed<T>(&self, raw: &Connection, sql: &str, statement: impl FnOnce() -> T) -> T {
        let begin = self.env.now();
        let done = statement();
        let took = self.env.now().saturating_duration_since(begin);
        if took >= self.from && tracing::enabled!(target: "terrace::database", tracing::Level::WARN) {
            tracing::warn!(
                target: "terrace::database",
                component = self.component,
                milliseconds = took.as_secs_f64() * 1e3,
                statement = shown(sql),
                plan = plan(raw, sql),
                "a slow statement"
            );
        }
        done
    }
}

/// How SQLite finds the rows of a statement; empty if that is not asked, as for a table that is made.
fn plan(raw: &Connection, sql: &str) -> String {
    let explained = || -> rusqlite::Result<Vec<String>> {
        let mut statement = raw.prepare(&format!("explain query plan {sql}"))?;
        let mut steps = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(step) = steps.next()? {
            plan.push(step.get("detail")?);
        }
        Ok(plan)
    };
    explained().unwrap_or_default().join("; ")
}

fn shown(sql: &str) -> &str {
    &sql[..sql.floor_char_boundary(SQL_SHOWN_BYTES)]
}
