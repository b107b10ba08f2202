//! Reading a dump back, in one transaction, and proving that what came of it is what was written.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use world::production::open_file;

use super::catalogue::{self, Table, quoted};
use super::part::{self, Cell, Head, MAGIC, Part};
use super::{Contents, Progress, Sum, TOLD_EVERY, TableContents, cells};
use crate::database::Database;
use crate::error::Error;
use crate::transaction::Transaction;
use crate::value::Value;
use crate::work::Isolation;

/// Rows of one `insert`, as far as its parameters allow.
const INSERT_ROWS: usize = 200;

/// Parameters of one `insert`.
const INSERT_PARAMETERS: usize = 8_000;

/// Fills `database` with what is in the file at `path`: all of it, or nothing. Its schema must be there already, with the
/// steps that the data was written under. Tables that hold rows are an error, unless they may be replaced.
pub async fn restore(database: &Database, path: &Path, replaces: bool, progress: Progress) -> Result<Contents, Error> {
    let (path, component) = (path.to_owned(), database.component().to_owned());
    database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let mut from = Source::open(&path)?;
            let head = from.head()?;
            check_steps(tx, &head, &component, &path).await?;
            let mut tables = catalogue::tables(tx).await?;
            order(tx, &mut tables).await?;
            clear(tx, &tables, replaces).await?;
            defer(tx, true).await?;
            let sums = fill(tx, &mut from, &tables, &progress).await?;
            defer(tx, false).await?;
            go_on_counting(tx).await?;
            let contents = contents(tx, &component, &tables).await?;
            prove(&contents, &sums)?;
            Ok(contents)
        })
        .await
}

/// Removes every row of every table.
pub async fn empty(database: &Database) -> Result<(), Error> {
    database
        .transaction_with(Isolation::ReadCommitted, async |tx: &Transaction<'_>| {
            let mut tables = catalogue::tables(tx).await?;
            order(tx, &mut tables).await?;
            clear(tx, &tables, true).await?;
            defer(tx, false).await
        })
        .await
}

/// A table that holds rows; `None` if there is none.
pub async fn in_use(database: &Database) -> Result<Option<String>, Error> {
    database
        .transaction_with(Isolation::Snapshot, async |tx: &Transaction<'_>| {
            for table in catalogue::tables(tx).await? {
                let sql = format!("select exists (select 1 from {})", quoted(&table.name));
                if tx.query_one::<bool>(&sql, ()).await? {
                    return Ok(Some(table.name));
                }
            }
            Ok(None)
        })
        .await
}

/// Checks that the file at `path` is whole, and says what is in it.
pub fn verify(path: &Path) -> Result<Contents, Error> {
    let mut from = Source::open(path)?;
    let component = from.head()?.component;
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut table = None;
    loop {
        match from.next()? {
            Part::Head(_) => return Err(from.damaged("a second head")),
            Part::Table { name, .. } => table = Some(name),
            Part::Rows(rows) => {
                let name = table.clone().ok_or_else(|| from.damaged("rows of no table"))?;
                let sum = sums.entry(name).or_default();
                rows.iter().for_each(|row| sum.add(row, &[]));
            }
            Part::End(tables) => {
                from.check_end(&tables, &sums)?;
                return Ok(Contents { component, tables });
            }
        }
    }
}

/// The file that is read.
struct Source {
    file: Box<dyn Read + Send>,
    path: String,
}

impl Source {
    fn open(path: &Path) -> Result<Source, Error> {
        let shown = path.display().to_string();
        let file = open_file(path).map_err(|error| Error::Open {
            message: format!("`{shown}` cannot be read: {error}"),
        })?;
        let mut source = Source { file, path: shown };
        let mut magic = [0; MAGIC.len()];
        match source.file.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(source),
            _ => Err(source.damaged("it is no dump of this version")),
        }
    }

    fn head(&mut self) -> Result<Head, Error> {
        match self.next()? {
            Part::Head(head) => Ok(head),
            _ => Err(self.damaged("it has no head")),
        }
    }

    fn next(&mut self) -> Result<Part, Error> {
        part::read(&mut self.file).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => self.damaged(&error.to_string()),
        })
    }

    /// What was read must be what the end says was written.
    fn check_end(&self, said: &[TableContents], sums: &BTreeMap<String, Sum>) -> Result<(), Error> {
        for table in said {
            let sum = sums.get(&table.table).copied().unwrap_or_default();
            if (sum.rows, sum.shown()) != (table.rows, table.checksum.clone()) {
                return Err(self.damaged(&format!("its table `{}` is not what its end says", table.table)));
            }
        }
        Ok(())
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Open {
            message: format!("`{}` cannot be restored: {why}; take another backup", self.path),
        }
    }
}

/// The data must be of this component, and its schema that of this program.
async fn check_steps(tx: &Transaction<'_>, head: &Head, component: &str, path: &Path) -> Result<(), Error> {
    let refused = |message: String| Err(Error::Open { message });
    let path = path.display();
    if head.component != component {
        return refused(format!(
            "`{path}` is of component `{}`, not of `{component}`; name the file of `{component}`",
            head.component
        ));
    }
    let here = catalogue::steps(tx).await?;
    if let Some(missing) = head.steps.iter().find(|step| !here.contains(step)) {
        return refused(format!(
            "`{path}` was written under migration {:04}_{} of `{}`, which is not here; restore it with the program that \
             wrote it, or a newer one",
            missing.number, missing.name, missing.set
        ));
    }
    if let Some(newer) = here
        .iter()
        .find(|step| step.set == "component" && !head.steps.contains(step))
    {
        return refused(format!(
            "`{path}` was written before migration {:04}_{}, which is here already; restore it with the program that wrote \
             it, and let that be upgraded",
            newer.number, newer.name
        ));
    }
    Ok(())
}

/// Sorts tables so that one comes after those it refers to, as far as there is no circle.
async fn order(tx: &Transaction<'_>, tables: &mut [Table]) -> Result<(), Error> {
    let references: Vec<(String, String)> = match tx.is_postgres() {
        true => {
            tx.query(
                "select c.relname::text, r.relname::text from pg_constraint k
                 join pg_class c on c.oid = k.conrelid join pg_class r on r.oid = k.confrelid
                 where k.contype = 'f' and k.connamespace = current_schema()::regnamespace",
                (),
            )
            .await?
        }
        false => {
            tx.query(
                "select t.name, f.\"table\" from sqlite_schema t, pragma_foreign_key_list(t.name) f where t.type = 'table'",
                (),
            )
            .await?
        }
    };
    let mut placed = 0;
    while placed < tables.len() {
        let waits = |table: &Table, rest: &[Table]| {
            let refers = |other: &Table| {
                other.name != table.name && references.contains(&(table.name.clone(), other.name.clone()))
            };
            rest.iter().any(refers)
        };
        let rest = &tables[placed..];
        // In a circle any is the first; deferred constraints do the rest.
        let next = rest.iter().position(|table| !waits(table, rest)).unwrap_or_default();
        tables.swap(placed, placed + next);
        placed += 1;
    }
    Ok(())
}

/// Removes what is there, or says that there is something.
async fn clear(tx: &Transaction<'_>, tables: &[Table], replaces: bool) -> Result<(), Error> {
    defer(tx, true).await?;
    for table in tables.iter().rev() {
        let name = quoted(&table.name);
        if replaces {
            tx.execute(&format!("delete from {name}"), ()).await?;
            continue;
        }
        let rows: i64 = tx.query_one(&format!("select count(*) from {name}"), ()).await?;
        if rows > 0 {
            return Err(Error::Open {
                message: format!(
                    "table `{}` holds {rows} rows already; restore into an empty database, or give --replace",
                    table.name
                ),
            });
        }
    }
    Ok(())
}

/// Has foreign keys checked at the end, or now and from now on.
async fn defer(tx: &Transaction<'_>, deferred: bool) -> Result<(), Error> {
    if !tx.is_postgres() {
        // It ends with the transaction, which checks what is left.
        return match deferred {
            true => tx.script("pragma defer_foreign_keys = on").await,
            false => Ok(()),
        };
    }
    let keys: Vec<(String, String)> = tx
        .query(
            "select conrelid::regclass::text, conname::text from pg_constraint
             where contype = 'f' and connamespace = current_schema()::regnamespace and condeferrable = $1",
            (!deferred,),
        )
        .await?;
    if !deferred {
        tx.script("set constraints all immediate").await?;
    }
    for (table, key) in keys {
        let how = if deferred {
            "deferrable initially deferred"
        } else {
            "not deferrable"
        };
        tx.script(&format!("alter table {table} alter constraint {} {how}", quoted(&key)))
            .await?;
    }
    Ok(())
}

async fn fill(
    tx: &Transaction<'_>,
    from: &mut Source,
    tables: &[Table],
    progress: &Progress,
) -> Result<BTreeMap<String, Sum>, Error> {
    // As written, to be held against the file's end; and with JSON as JSON, to be held against what is read back.
    let (mut written, mut meant): (BTreeMap<String, Sum>, BTreeMap<String, Sum>) = Default::default();
    let mut current: Option<(Table, Vec<bool>)> = None;
    loop {
        match from.next()? {
            Part::Head(_) => return Err(from.damaged("a second head")),
            Part::Table { name, columns } => {
                let here = tables.iter().find(|table| table.name == name);
                let here = here.ok_or_else(|| from.damaged(&format!("there is no table `{name}` here")))?;
                if let Some(column) = columns.iter().find(|column| !here.columns.contains(column)) {
                    return Err(from.damaged(&format!("table `{name}` has no column `{column}` here")));
                }
                let json = |column: &String| {
                    let index = here.columns.iter().position(|known| known == column);
                    index.is_some_and(|index| here.json[index])
                };
                let kinds = columns.iter().map(json).collect();
                meant.entry(name.clone()).or_default();
                let table = Table {
                    name,
                    columns,
                    json: Vec::new(),
                };
                current = Some((table, kinds));
            }
            Part::Rows(rows) => {
                let (table, json) = current.as_ref().ok_or_else(|| from.damaged("rows of no table"))?;
                if rows.iter().any(|row| row.len() != table.columns.len()) {
                    return Err(from.damaged("a row has another number of columns"));
                }
                let before = meant.get(&table.name).map_or(0, |sum| sum.rows) / TOLD_EVERY;
                for row in &rows {
                    written.entry(table.name.clone()).or_default().add(row, &[]);
                    meant.entry(table.name.clone()).or_default().add(row, json);
                }
                insert(tx, table, rows).await?;
                let rows = meant.get(&table.name).map_or(0, |sum| sum.rows);
                if rows / TOLD_EVERY > before {
                    progress(&table.name, rows);
                }
            }
            Part::End(tables) => {
                from.check_end(&tables, &written)?;
                return Ok(meant);
            }
        }
    }
}

async fn insert(tx: &Transaction<'_>, table: &Table, rows: Vec<Vec<Cell>>) -> Result<(), Error> {
    let width = table.columns.len();
    let at_once = (INSERT_PARAMETERS / width.max(1)).clamp(1, INSERT_ROWS);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<Vec<Cell>> = rows.by_ref().take(at_once).collect();
        let row = |number: usize| {
            let parameters: Vec<String> = (1..=width)
                .map(|column| format!("${}", number * width + column))
                .collect();
            format!("({})", parameters.join(", "))
        };
        let values: Vec<String> = (0..some.len()).map(row).collect();
        // A column that PostgreSQL numbers itself takes the number it had.
        let overriding = if tx.is_postgres() {
            " overriding system value"
        } else {
            ""
        };
        let sql = format!(
            "insert into {} ({}){overriding} values {}",
            quoted(&table.name),
            table.listed(),
            values.join(", ")
        );
        let parameters: Vec<Value> = some.into_iter().flatten().map(value).collect();
        tx.execute(&sql, parameters).await?;
    }
    Ok(())
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(value) => Value::Integer(value),
        Cell::Real(value) => Value::Real(value),
        Cell::Text(value) => Value::Text(value),
        Cell::Bytes(value) => Value::Bytes(value),
    }
}

/// Lets numbers that PostgreSQL gives go on behind those that are there.
async fn go_on_counting(tx: &Transaction<'_>) -> Result<(), Error> {
    if !tx.is_postgres() {
        return Ok(());
    }
    let counted: Vec<(String, String, String)> = tx
        .query(
            "select c.table_name::text, c.column_name::text,
                 pg_get_serial_sequence(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name), c.column_name)
             from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
             where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' and
                 pg_get_serial_sequence(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name), c.column_name)
                     is not null",
            (),
        )
        .await?;
    for (table, column, sequence) in counted {
        let (table, column) = (quoted(&table), quoted(&column));
        tx.query::<i64>(
            &format!("select setval($1::text::regclass, coalesce((select max({column}) from {table}), 0) + 1, false)"),
            (sequence,),
        )
        .await?;
    }
    Ok(())
}

/// What is in the tables now.
async fn contents(tx: &Transaction<'_>, component: &str, tables: &[Table]) -> Result<Contents, Error> {
    let mut all = Vec::new();
    for table in tables {
        let mut sum = Sum::default();
        tx.each(&table.select(), &mut |row| {
            sum.add(&cells(row), &table.json);
            Ok(())
        })
        .await?;
        all.push(TableContents {
            table: table.name.clone(),
            rows: sum.rows,
            checksum: sum.shown(),
        });
    }
    all.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(Contents {
        component: component.to_owned(),
        tables: all,
    })
}

fn prove(contents: &Contents, meant: &BTreeMap<String, Sum>) -> Result<(), Error> {
    for found in &contents.tables {
        let sum = meant.get(&found.table).copied().unwrap_or_default();
        if (sum.rows, sum.shown()) != (found.rows, found.checksum.clone()) {
            return Err(Error::Open {
                message: format!(
                    "table `{}` came to {} rows with checksum {}, and {} with {} were written; nothing was kept",
                    found.table,
                    found.rows,
                    found.checksum,
                    sum.rows,
                    sum.shown()
                ),
            });
        }
    }
    Ok(())
}
