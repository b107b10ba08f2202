//! What a schema consists of, as the engine itself tells it.

use super::part::Step;
use crate::error::Error;
use crate::moved;
use crate::transaction::Transaction;

/// The table that says which steps were run; it is made by running them.
const STEPS: &str = "terrace_migrations";

/// A table as far as its rows are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Those that keep what is written, by name, since engines need not have them in one order; what is computed is left
    /// out.
    pub(super) columns: Vec<String>,
    /// Which of them PostgreSQL keeps as JSON.
    pub(super) json: Vec<bool>,
}

impl Table {
    pub(super) fn select(&self) -> String {
        format!("select {} from {}", self.listed(), quoted(&self.name))
    }

    /// Its columns, for a statement.
    pub(super) fn listed(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        columns.join(", ")
    }
}

/// A name as both engines take it whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The steps of the schema that were run, in order.
pub(super) async fn steps(tx: &Transaction<'_>) -> Result<Vec<Step>, Error> {
    let steps: Vec<(String, u32, String)> = tx
        .query(
            "select set_name, number, name from terrace_migrations order by set_name, number",
            (),
        )
        .await?;
    let step = |(set, number, name)| Step { set, number, name };
    Ok(steps.into_iter().map(step).collect())
}

/// The tables, sorted by name.
pub(super) async fn tables(tx: &Transaction<'_>) -> Result<Vec<Table>, Error> {
    let columns: Vec<(String, String, bool)> = match tx.is_postgres() {
        true => {
            tx.query(
                "select c.table_name::text, c.column_name::text, c.data_type in ('json', 'jsonb')
                 from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
                 where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
                 order by c.table_name::text collate \"C\", c.column_name::text collate \"C\"",
                (),
            )
            .await?
        }
        false => {
            tx.query(
                "select t.name, c.name, 0 from sqlite_schema t, pragma_table_xinfo(t.name) c
                 where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\' and c.hidden = 0
                 order by t.name, c.name",
                (),
            )
            .await?
        }
    };
    let mut tables: Vec<Table> = Vec::new();
    for (table, column, json) in columns {
        if table == STEPS || table == moved::TABLE {
            continue;
        }
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table {
                name: table,
                columns: Vec::new(),
                json: Vec::new(),
            });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push(column);
            table.json.push(json);
        }
    }
    Ok(tables)
}
