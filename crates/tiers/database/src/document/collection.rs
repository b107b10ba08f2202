//! The table of a collection, and its SQL in both dialects.

use xxhash_rust::xxh3::xxh3_64;

use super::Find;
use super::find::Bound;
use crate::database::Database;
use crate::error::Error;
use crate::limits::ROWS_MAX;
use crate::migration;
use crate::transaction::Transaction;
use crate::value::Value;
use crate::work::Isolation;

/// Bytes of a collection's name, so that PostgreSQL's 63 bytes are enough for the name of an index on it.
const NAME_BYTES_MAX: usize = 20;

/// Bytes of an index's name.
const INDEX_BYTES_MAX: usize = 15;

/// Bytes of a key: an index of PostgreSQL keeps a third of a page of 8 KiB.
const KEY_BYTES_MAX: usize = 1_024;

/// A field of the documents by which they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// What it is called, in lower case.
    pub name: &'static str,
    /// Where it is in the document: `owner`, or `address.city`.
    pub path: &'static str,
    /// What it holds.
    pub holds: Holds,
}

/// What an indexed field holds. A document in which it holds something else is kept, and not found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Texts, ordered by their bytes.
    Text,
    /// Whole numbers of 64 bits, and real ones.
    Number,
    /// `true` and `false`.
    Bool,
}

/// What is known of a collection.
pub(crate) struct Collection {
    name: String,
    indexes: Vec<Index>,
    is_postgres: bool,
}

impl Collection {
    /// Names and paths become part of SQL, so only letters, digits and underscores may be in them.
    pub(super) fn new(name: &str, indexes: &[Index], is_postgres: bool) -> Result<Collection, Error> {
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_name = |name: &str, max: usize| {
            name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(lower) && name.len() <= max
        };
        let refused = |message| Err(Error::Open { message });
        if !is_name(name, NAME_BYTES_MAX) {
            return refused(format!(
                "`{name}` is no name for documents; begin with a lower-case letter, go on with those, digits and `_`, at most \
                 {NAME_BYTES_MAX} of them"
            ));
        }
        for (position, index) in indexes.iter().enumerate() {
            let Index { name: called, path, .. } = index;
            if !is_name(called, INDEX_BYTES_MAX) {
                return refused(format!(
                    "`{called}` is no name for an index of `{name}`; begin with a lower-case letter, go on with those, digits \
                     and `_`, at most {INDEX_BYTES_MAX} of them"
                ));
            }
            let is_word = |word: &str| {
                word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            if !path.split('.').all(is_word) {
                return refused(format!(
                    "`{path}` is no path of the index `{called}` of `{name}`; write names of fields with dots between them"
                ));
            }
            if indexes[..position].iter().any(|other| other.name == *called) {
                return refused(format!(
                    "`{name}` has two indexes `{called}`; give one of them another name"
                ));
            }
        }
        Ok(Collection {
            name: name.to_owned(),
            indexes: indexes.to_vec(),
            is_postgres,
        })
    }

    fn table(&self) -> String {
        format!("terrace_documents_{}", self.name)
    }

    /// The name tells what it is an index of, so that another path is another index.
    fn index_name(&self, index: &Index) -> String {
        let sum = xxh3_64(self.expression(index).as_bytes()) as u32;
        format!("terrace_documents_{}_{}_{sum:08x}", self.name, index.name)
    }

    /// What is indexed: null in a document without the field. Both engines order it alike.
    fn expression(&self, index: &Index) -> String {
        if self.is_postgres {
            let path = index.path.replace('.', ",");
            let (of, then, collate) = match index.holds {
                Holds::Text => ("string", format!("body #>> '{{{path}}}'"), " collate \"C\""),
                Holds::Number => ("number", format!("(body #> '{{{path}}}')::numeric"), ""),
                Holds::Bool => ("boolean", format!("(body #> '{{{path}}}')::boolean"), ""),
            };
            format!("((case jsonb_typeof(body #> '{{{path}}}') when '{of}' then {then} end){collate})")
        } else {
            let path = index.path;
            let of = match index.holds {
                Holds::Text => "'text'",
                Holds::Number => "'integer', 'real'",
                Holds::Bool => "'true', 'false'",
            };
            format!("(case when json_type(body, '$.{path}') in ({of}) then json_extract(body, '$.{path}') end)")
        }
    }

    /// Makes what is not there. Where nothing is missing that costs one query.
    pub(super) async fn install(&self, database: &Database) -> Result<(), Error> {
        let catalog = if self.is_postgres {
            "select tablename from pg_tables where schemaname = current_schema() and tablename = $1
             union all select indexname from pg_indexes where schemaname = current_schema() and tablename = $1"
        } else {
            "select name from sqlite_schema where tbl_name = $1"
        };
        // Names of PostgreSQL's catalog are of a type of their own.
        let catalog = catalog
            .replace("select tablename", "select tablename::text")
            .replace("select indexname", "select indexname::text");
        let there: Vec<String> = database.query(&catalog, (self.table(),)).await?;
        let wanted = std::iter::once((self.table(), self.table_sql()));
        let wanted = wanted.chain(self.indexes.iter().map(|index| {
            let name = self.index_name(index);
            let (table, expression) = (self.table(), self.expression(index));
            let sql = format!("create index if not exists {name} on {table} ({expression}, key)");
            (name, sql)
        }));
        let missing: Vec<(String, String)> = wanted.filter(|(name, _)| !there.contains(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(|(name, _)| name.clone()).collect();
        migration::refuse_unless_migrating(database, &names)?;
        let component = database.component().to_owned();
        let make = async move |tx: &Transaction<'_>| {
            migration::lock(tx, &component).await?;
            for (_, sql) in &missing {
                tx.execute(sql, ()).await?;
            }
            Ok(())
        };
        database.transaction_with(Isolation::ReadCommitted, make).await
    }

    /// No version is given twice, even when a document is removed and put again: whoever knows an old one is refused.
    fn table_sql(&self) -> String {
        let columns = if self.is_postgres {
            "version bigint generated by default as identity, key text collate \"C\" primary key, body jsonb not null"
        } else {
            "version integer primary key autoincrement, key text not null unique, body text not null"
        };
        format!("create table if not exists {} ({columns})", self.table())
    }

    pub(super) fn get_sql(&self) -> String {
        format!("select key, version, body from {} where key = $1", self.table())
    }

    pub(super) fn delete_sql(&self) -> String {
        format!("delete from {} where key = $1", self.table())
    }

    pub(super) fn put_sql(&self) -> String {
        let table = self.table();
        if self.is_postgres {
            format!(
                "insert into {table} (key, body) values ($1, $2) on conflict (key) \
                 do update set body = excluded.body, version = excluded.version returning version"
            )
        } else {
            format!("replace into {table} (key, body) values ($1, $2) returning version")
        }
    }

    pub(super) fn create_sql(&self) -> String {
        let table = self.table();
        format!("insert into {table} (key, body) values ($1, $2) on conflict (key) do nothing returning version")
    }

    pub(super) fn version_sql(&self) -> String {
        let held = if self.is_postgres { " for update" } else { "" };
        format!("select version from {} where key = $1{held}", self.table())
    }

    pub(super) fn list_sql(&self, prefix: &str, after: Option<&str>, limit: usize) -> (String, Vec<Value>) {
        let mut conditions = vec!["key >= $1".to_owned()];
        let mut values = vec![Value::Text(prefix.to_owned())];
        let bounds = [("<", behind(prefix)), (">", after.map(str::to_owned))];
        for (sign, bound) in bounds {
            if let Some(bound) = bound {
                values.push(Value::Text(bound));
                conditions.push(format!("key {sign} ${}", values.len()));
            }
        }
        let (table, conditions) = (self.table(), conditions.join(" and "));
        let limit = limit.min(ROWS_MAX);
        (
            format!("select key, version, body from {table} where {conditions} order by key limit {limit}"),
            values,
        )
    }

    pub(super) fn find_sql(&self, find: &Find) -> Result<(String, Vec<Value>), Error> {
        let refused = |message| Error::Statement {
            message,
            sql: String::new(),
        };
        let index = self.indexes.iter().find(|index| index.name == find.index);
        let index = index.ok_or_else(|| {
            let known: Vec<&str> = self.indexes.iter().map(|index| index.name).collect();
            let (name, wanted) = (&self.name, &find.index);
            refused(format!(
                "`{name}` has no index `{wanted}`; it has: {}",
                known.join(", ")
            ))
        })?;
        let expression = self.expression(index);
        let mut conditions = vec![format!("{expression} is not null")];
        let mut values = Vec::new();
        for (bound, value) in &find.bounds {
            let (value, place) = self.parameter(index, value, values.len() + 1).ok_or_else(|| {
                let (name, kind) = (index.name, value.kind());
                refused(format!(
                    "the index `{name}` of `{}` holds {:?}, and {kind} was asked for",
                    self.name, index.holds
                ))
            })?;
            values.push(value);
            let sign = match bound {
                Bound::Equal => "=",
                Bound::From => ">=",
                Bound::To => "<",
            };
            conditions.push(format!("{expression} {sign} {place}"));
        }
        let order = if find.descending { "desc" } else { "asc" };
        let (table, conditions) = (self.table(), conditions.join(" and "));
        let limit = find.limit.min(ROWS_MAX);
        let sql = format!(
            "select key, version, body from {table} where {conditions} \
             order by {expression} {order}, key {order} limit {limit}"
        );
        Ok((sql, values))
    }

    /// A bound as a parameter and as it stands in SQL. PostgreSQL has numbers of JSON in decimal digits; the shortest ones
    /// of a real are what is written into JSON, too.
    fn parameter(&self, index: &Index, value: &Value, number: usize) -> Option<(Value, String)> {
        let plain = format!("${number}");
        match (index.holds, value) {
            (Holds::Text, Value::Text(_)) | (Holds::Bool, Value::Bool(_)) => Some((value.clone(), plain)),
            (Holds::Number, Value::Integer(_) | Value::Real(_)) if !self.is_postgres => Some((value.clone(), plain)),
            (Holds::Number, Value::Integer(value)) => {
                Some((Value::Text(value.to_string()), format!("{plain}::text::numeric")))
            }
            (Holds::Number, Value::Real(value)) if value.is_finite() => {
                Some((Value::Text(format!("{value:?}")), format!("{plain}::text::numeric")))
            }
            _ => None,
        }
    }
}

/// Checks a key.
pub(super) fn checked_key(key: &str) -> Result<&str, Error> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Error::Statement {
            message: format!(
                "a key of {} bytes; a document's key has 1 to {KEY_BYTES_MAX} bytes",
                key.len()
            ),
            sql: String::new(),
        });
    }
    Ok(key)
}

/// The first text behind all that begin with `prefix`; `None` where there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // Between these two are no characters.
        let next = if last == '\u{d7ff}' {
            Some('\u{e000}')
        } else {
            char::from_u32(u32::from(last) + 1)
        };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn behind_a_prefix_is_the_next_text_that_does_not_begin_with_it() {
        for (prefix, expected) in [
            ("a", Some("b")),
            ("user:", Some("user;")),
            ("a\u{10ffff}", Some("b")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(behind(prefix).as_deref(), expected);
        }
    }
}
