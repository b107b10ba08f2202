//! A component's data as a file that both engines read and write: for backups, and to move from one engine to the other.
//!
//! A file is a sequence of parts, each with its length and its checksum: a head, for each table its columns and its rows
//! in batches, and an end with the number of rows and a checksum of each table. Values have the forms that SQLite keeps
//! them in (a timestamp is microseconds, a UUID 16 bytes), which PostgreSQL takes back into its own. Rows are read from one
//! snapshot while others go on to write; they come in no order.

mod catalogue;
mod part;
mod restore;
mod sum;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use world::production::NewFile;

pub use self::restore::{empty, in_use, restore, verify};
pub use self::sum::Sum;

use self::catalogue::Table;
use self::part::{Cell, Head, MAGIC, Part};
use crate::database::Database;
use crate::error::Error;
use crate::row::Row;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::value::Value;
use crate::work::Isolation;

/// Bytes of rows that are gathered into one part.
const BATCH_BYTES: usize = 1 << 18;

/// Rows after which progress is told.
const TOLD_EVERY: u64 = 1_000;

/// What is in a dump, or in a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The component.
    pub component: String,
    /// Its tables, sorted by name.
    pub tables: Vec<TableContents>,
}

/// What is in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContents {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// A checksum of all of them, in hexadecimal digits, whatever their order.
    pub checksum: String,
}

/// How far it is: a table, and how many of its rows are done.
pub type Progress = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// Writes everything in `database` to a new file at `path`.
pub async fn dump(database: &Database, path: &Path, progress: Progress) -> Result<Contents, Error> {
    let (path, component) = (path.to_owned(), database.component().to_owned());
    let at = Timestamp::from(database.env().wall());
    database
        .transaction_with(Isolation::Snapshot, async move |tx: &Transaction<'_>| {
            let mut file = NewFile::create(&path).map_err(|error| unwritten(&path, &error))?;
            let contents = write(tx, &mut file, &component, at, &progress, &path).await?;
            file.finish().map_err(|error| unwritten(&path, &error))?;
            Ok(contents)
        })
        .await
}

async fn write(
    tx: &Transaction<'_>,
    file: &mut NewFile,
    component: &str,
    at: Timestamp,
    progress: &Progress,
    path: &Path,
) -> Result<Contents, Error> {
    let failed = |error: io::Error| unwritten(path, &error);
    file.write_all(MAGIC).map_err(failed)?;
    let head = Head {
        component: component.to_owned(),
        engine: if tx.is_postgres() { "postgres" } else { "sqlite" }.to_owned(),
        at_micros: at.as_micros(),
        steps: catalogue::steps(tx).await?,
    };
    part::write(file, &Part::Head(head)).map_err(failed)?;
    let mut tables = Vec::new();
    for table in catalogue::tables(tx).await? {
        let contents = write_table(tx, file, &table, progress, path).await?;
        tables.push(contents);
    }
    part::write(file, &Part::End(tables.clone())).map_err(failed)?;
    Ok(Contents {
        component: component.to_owned(),
        tables,
    })
}

async fn write_table(
    tx: &Transaction<'_>,
    file: &mut NewFile,
    table: &Table,
    progress: &Progress,
    path: &Path,
) -> Result<TableContents, Error> {
    let failed = |error: io::Error| unwritten(path, &error);
    let head = Part::Table {
        name: table.name.clone(),
        columns: table.columns.clone(),
    };
    part::write(file, &head).map_err(failed)?;
    let (mut sum, mut batch, mut bytes) = (Sum::default(), Vec::new(), 0);
    tx.each(&table.select(), &mut |row| {
        let cells = cells(row);
        sum.add(&cells, &[]);
        bytes += cells.iter().map(Cell::bytes).sum::<usize>();
        batch.push(cells);
        if bytes >= BATCH_BYTES {
            bytes = 0;
            part::write(file, &Part::Rows(std::mem::take(&mut batch))).map_err(failed)?;
        }
        if sum.rows % TOLD_EVERY == 0 {
            progress(&table.name, sum.rows);
        }
        Ok(())
    })
    .await?;
    if !batch.is_empty() {
        part::write(file, &Part::Rows(batch)).map_err(failed)?;
    }
    progress(&table.name, sum.rows);
    Ok(TableContents {
        table: table.name.clone(),
        rows: sum.rows,
        checksum: sum.shown(),
    })
}

/// A row in the forms that SQLite keeps values in.
fn cells(row: Row) -> Vec<Cell> {
    let cell = |value: &Value| match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Integer(i64::from(*value)),
        Value::Integer(value) => Cell::Integer(*value),
        Value::Real(value) => Cell::Real(*value),
        Value::Text(value) => Cell::Text(value.clone()),
        Value::Bytes(value) => Cell::Bytes(value.clone()),
        Value::Timestamp(value) => Cell::Integer(value.as_micros()),
        Value::Uuid(value) => Cell::Bytes(value.as_bytes().to_vec()),
        Value::Json(value) => Cell::Text(value.to_string()),
    };
    row.values().iter().map(cell).collect()
}

fn unwritten(path: &Path, error: &io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    Error::Open {
        message: match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("`{}` is there already; name a new file or folder", path.display())
            }
            _ => format!("`{}` cannot be written: {error}", path.display()),
        },
    }
}
