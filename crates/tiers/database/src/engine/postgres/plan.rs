//! Slow statements, and how the server goes about them.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

/// A statement that took long.
pub(super) struct Slow {
    pub(super) sql: String,
    pub(super) took: Duration,
    pub(super) parameters: usize,
}

impl Slow {
    /// Says so, with its plan where there is one. Values of parameters are in neither.
    pub(super) async fn tell(&self, client: Option<&Client>, component: &str) {
        let plan = match client {
            Some(client) => plan(client, &self.sql, self.parameters).await,
            None => "not asked for".to_owned(),
        };
        tracing::warn!(
            target: "terrace::database", component, sql = self.sql, ms = self.took.as_millis() as u64, plan,
            "a statement was slow"
        );
    }
}

/// The plan for any parameters: the plan for these would show their values. `EXPLAIN (GENERIC_PLAN)` is of PostgreSQL 16,
/// so a prepared statement is explained, whose plan is made to be a generic one.
async fn plan(client: &Client, sql: &str, parameters: usize) -> String {
    let sql = sql.trim_end_matches(|end: char| end == ';' || end.is_whitespace());
    let begun = client
        .batch_execute(&format!(
            "begin read only; set local plan_cache_mode = force_generic_plan; prepare terrace_plan as {sql}\n"
        ))
        .await;
    let explained = match begun {
        Ok(()) => {
            let nulls = vec!["null"; parameters].join(", ");
            let nulls = if parameters == 0 { nulls } else { format!("({nulls})") };
            client
                .simple_query(&format!("explain execute terrace_plan{nulls}"))
                .await
        }
        Err(error) => Err(error),
    };
    // One after the other: a transaction that failed takes nothing but its end.
    let ended = client.batch_execute("rollback").await;
    if ended.is_ok() {
        // Where it was not prepared there is nothing to forget.
        let _ = client.batch_execute("deallocate terrace_plan").await;
    }
    match explained {
        Ok(rows) => {
            let lines = rows.iter().filter_map(|row| match row {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!(
            "none: {}",
            error
                .as_db_error()
                .map_or_else(|| error.to_string(), ToString::to_string)
        ),
    }
}
