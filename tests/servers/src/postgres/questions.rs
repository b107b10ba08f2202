//! What tests ask of a server by `psql`.

use crate::postgres::{Postgres, SUPERUSER};
use crate::{Error, process};

impl Postgres {
    /// Runs `sql` as the superuser in the database `postgres`; see [`Postgres::psql_in`].
    ///
    /// # Errors
    /// As [`Postgres::psql_in`].
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        self.psql_in("postgres", sql)
    }

    /// Runs `sql`, one statement or several, each in a transaction of its own, as the superuser in `database`.
    ///
    /// Gives the rows, one a line, the columns between `|`, without the last line's end.
    ///
    /// # Errors
    /// At the first statement that fails, with what `psql` said; what stands before it has happened.
    pub fn psql_in(&self, database: &str, sql: &str) -> Result<String, Error> {
        self.psql_as(SUPERUSER, self.password(), database, sql)
    }

    /// The same as `user`, who shows `password`.
    ///
    /// # Errors
    /// As [`Postgres::psql_in`], and where the server refuses the user.
    pub fn psql_as(&self, user: &str, password: &str, database: &str, sql: &str) -> Result<String, Error> {
        let mut psql = self.programs.psql()?;
        psql.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-p", &self.port().to_string()])
            .args(["-U", user, "-d", database, "-f", "-"])
            .env("PGPASSWORD", password);
        let rows = process::run(&mut psql, sql)?;
        Ok(rows.trim_end_matches('\n').to_string())
    }

    /// Makes the empty database `name`.
    ///
    /// # Errors
    /// Where it is there, and as [`Postgres::psql`].
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        self.psql(&format!("CREATE DATABASE {};", identifier(name))).map(drop)
    }

    /// Makes the user `name` who may log in with `password`, and make other users where `createrole`.
    ///
    /// # Errors
    /// Where it is there, and as [`Postgres::psql`].
    pub fn create_user(&self, name: &str, password: &str, createrole: bool) -> Result<(), Error> {
        let createrole = if createrole { "CREATEROLE" } else { "NOCREATEROLE" };
        let (name, password) = (identifier(name), literal(password));
        self.psql(&format!("CREATE ROLE {name} LOGIN {createrole} PASSWORD {password};"))
            .map(drop)
    }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// With `standard_conforming_strings`, which is on unless a setting says otherwise, only the quote is special.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
