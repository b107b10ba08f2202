//! Opening: the component's schema and role are made, or found, by one program at a time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

use super::address::Address;
use super::names::{Names, quoted};
use super::{CONNECT_MAX, failure};
use crate::error::Error;
use crate::limits::LOCK_WAIT_MAX;

/// How long a server that is not there is waited for.
const OPEN_MAX: Duration = Duration::from_secs(3);

/// How long to wait until it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// How long making schema and role may take, with the wait for others who do.
const PREPARE_MAX: Duration = Duration::from_secs(2 * LOCK_WAIT_MAX.as_secs());

/// The advisory lock of everybody who makes schemas and roles in a database; any number that nobody else uses.
const LOCK: i64 = 0x7465_7272_6163_6501;

/// What a component has on the server.
pub(super) struct Ready {
    pub(super) names: Names,
    /// Whether its sessions take on a role of their own; if not, why, and how that changes.
    pub(super) separate: Result<(), String>,
}

/// Why it cannot be opened.
enum Refusal {
    Server(tokio_postgres::Error),
    Open(String),
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Refusal {
        Refusal::Server(error)
    }
}

/// Makes what is missing.
pub(super) async fn prepare(address: &Address, component: &str) -> Result<Ready, Error> {
    let client = connected(address).await?;
    let prepared = async {
        // Sessions of this user may be read-only by default.
        client
            .batch_execute("begin isolation level read committed read write")
            .await?;
        lock(&client, component).await?;
        let user = User::of(&client).await?;
        let names = Names::new(component, &user.database).map_err(|error| Refusal::Open(error.to_string()))?;
        let separate = ready(&client, &user, &names, component).await?;
        client.batch_execute("commit").await?;
        Ok(Ready { names, separate })
    };
    let Ok(prepared) = timeout(PREPARE_MAX, prepared).await else {
        return Err(Error::Open {
            message: failure::stuck(address, false).to_string(),
        });
    };
    prepared.map_err(|refusal| Error::Open {
        message: match refusal {
            Refusal::Open(message) => message,
            Refusal::Server(error) => {
                let error = failure::of(&error, "");
                format!("the schema of component `{component}` on PostgreSQL at {address}: {error}")
            }
        },
    })
}

/// Makes schemas and roles this program's to make until its transaction ends. Who has it does so for moments; one that
/// stands still is named.
async fn lock(client: &Client, component: &str) -> Result<(), Refusal> {
    let locked = client
        .execute("select pg_catalog.pg_advisory_xact_lock($1)", &[&LOCK])
        .await;
    let Err(error) = locked else { return Ok(()) };
    if error.code().is_none_or(|code| code.code() != "55P03") {
        return Err(error.into());
    }
    client.batch_execute("rollback").await?;
    let holder = client.query_opt(HOLDER, &[&LOCK]).await?;
    let holder = match holder {
        Some(row) => {
            let (pid, said): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
            format!(
                "session {pid} ({said}) has it; see what it waits for, or end it with `select pg_terminate_backend({pid})`"
            )
        }
        None => "whoever had it is gone by now; start again".to_owned(),
    };
    Err(Refusal::Open(format!(
        "component `{component}` waited {} s for the lock under which schemas and roles are made: {holder}",
        LOCK_WAIT_MAX.as_secs()
    )))
}

/// Who has an advisory lock: its session, and what is known of that.
const HOLDER: &str = "select a.pid, concat_ws(', ', nullif(a.application_name, ''), 'user ' || a.usename,
        'from ' || coalesce(host(a.client_addr), 'this machine'), a.state)
    from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and a.datname = current_database()
        and ((l.classid::bigint << 32) | l.objid::bigint) = $1
    limit 1";

/// A connection of its own, which is waited for a little while.
async fn connected(address: &Address) -> Result<Client, Error> {
    let until = Instant::now() + OPEN_MAX;
    loop {
        let (message, may_pass) = match timeout(CONNECT_MAX, address.config.connect(address.tls.clone())).await {
            Ok(Ok((client, connection))) => {
                // It ends with the client.
                tokio::spawn(connection);
                return Ok(client);
            }
            Ok(Err(error)) => (failure::connecting(&error, address), failure::may_pass(&error)),
            Err(_) => (failure::silent(address), true),
        };
        if !may_pass || Instant::now() >= until {
            return Err(Error::Open { message });
        }
        sleep(ASK_AGAIN).await;
    }
}

/// Who connects, and what that may do.
struct User {
    name: String,
    database: String,
    makes_roles: bool,
}

impl User {
    async fn of(client: &Client) -> Result<User, tokio_postgres::Error> {
        let row = client
            .query_one(
                "select current_user::text, current_database()::text, rolsuper or rolcreaterole
                 from pg_catalog.pg_roles where rolname = current_user",
                &[],
            )
            .await?;
        Ok(User {
            name: row.try_get(0)?,
            database: row.try_get(1)?,
            makes_roles: row.try_get(2)?,
        })
    }
}

/// Whether the component has a schema and a role of its own; why it has no role.
async fn ready(client: &Client, user: &User, names: &Names, component: &str) -> Result<Result<(), String>, Refusal> {
    let has_role = takes_role(client, user, names).await?;
    let schema = names.quoted_schema();
    let comment = format!("component {component}");
    let Some(found) = client.query_opt(FIND, &[&names.schema]).await? else {
        let owner = if has_role {
            format!(" authorization {}", names.quoted_role())
        } else {
            String::new()
        };
        let made = client.batch_execute(&format!("create schema {schema}{owner}")).await;
        made.map_err(|error| match error.code().map(|code| code.code()) {
            Some("42501") => Refusal::Open(no_schema(user, names, component)),
            _ => Refusal::Server(error),
        })?;
        client.batch_execute(&commented(&schema, &comment)).await?;
        let owner = if has_role { &names.role } else { &user.name };
        return Ok(separate(has_role, owner, user, names));
    };
    let (owner, said): (String, Option<String>) = (found.try_get(0)?, found.try_get(1)?);
    let (usable, foreign, member): (bool, bool, bool) = (found.try_get(2)?, found.try_get(3)?, found.try_get(4)?);
    let separate = separate(has_role, &owner, user, names);
    let wrong = match said {
        Some(other) if other != comment => Some(format!("belongs to `{other}`; rename one of them")),
        None if foreign => Some("holds tables of somebody else; rename the component, or the schema".to_owned()),
        _ if !usable && separate.is_err() => {
            let (owner, name) = (quoted(&owner), quoted(&user.name));
            Some(format!(
                "belongs to role {owner}; let the user in with `grant {owner} to {name}`"
            ))
        }
        None if member => {
            client.batch_execute(&commented(&schema, &comment)).await?;
            None
        }
        _ => None,
    };
    match wrong {
        None => Ok(separate),
        Some(wrong) => Err(Refusal::Open(format!(
            "component `{component}` cannot have the schema `{}` of database `{}`: it {wrong}",
            names.schema, user.database
        ))),
    }
}

/// Owner and comment of a schema; whether the user may use it, whether it is somebody else's, and whether the user may
/// comment on it.
const FIND: &str = "select pg_catalog.pg_get_userbyid(nspowner)::text, pg_catalog.obj_description(oid, 'pg_namespace'),
        pg_catalog.has_schema_privilege(oid, 'create') and pg_catalog.has_schema_privilege(oid, 'usage'),
        exists (select 1 from pg_catalog.pg_class where relnamespace = n.oid)
            and not exists (select 1 from pg_catalog.pg_class
                            where relnamespace = n.oid and relname = 'terrace_migrations'),
        pg_catalog.pg_has_role(nspowner, 'member')
    from pg_catalog.pg_namespace n where nspname = $1";

/// Makes the component's role where it is missing, and lets the user take it on. Whether that is so.
async fn takes_role(client: &Client, user: &User, names: &Names) -> Result<bool, tokio_postgres::Error> {
    let asked =
        "select coalesce(pg_catalog.pg_has_role(oid, 'member'), false) from pg_catalog.pg_roles where rolname = $1";
    let found = client.query_opt(asked, &[&names.role]).await?;
    let member = found.as_ref().map(|row| row.try_get::<_, bool>(0)).transpose()?;
    if member == Some(true) || !user.makes_roles {
        return Ok(member == Some(true));
    }
    let (role, name) = (names.quoted_role(), quoted(&user.name));
    let create = if member.is_none() {
        format!("create role {role} nologin; ")
    } else {
        String::new()
    };
    client.batch_execute("savepoint role").await?;
    match client.batch_execute(&format!("{create}grant {role} to {name}")).await {
        Ok(()) => Ok(true),
        // Somebody else's role, or a server that lets nobody make any.
        Err(error) if error.as_db_error().is_some() => {
            client.batch_execute("rollback to savepoint role").await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn separate(has_role: bool, owner: &str, user: &User, names: &Names) -> Result<(), String> {
    let (name, role) = (quoted(&user.name), names.quoted_role());
    if !has_role {
        return Err(format!(
            "let it make roles with `alter role {name} createrole`, and open it again"
        ));
    }
    if owner != names.role {
        return Err(format!(
            "its schema was made for `{owner}` before there was a role; hand over the schema and what is in it with `alter \
             schema {} owner to {role}` and `alter table .. owner to {role}`, and open it again",
            names.quoted_schema()
        ));
    }
    Ok(())
}

fn no_schema(user: &User, names: &Names, component: &str) -> String {
    let (name, database) = (quoted(&user.name), quoted(&user.database));
    format!(
        "component `{component}` has no schema, and user `{}` may not make one; say `grant create on database {database} to \
         {name}`, or make it with `create schema {} authorization {name}`",
        user.name,
        names.quoted_schema()
    )
}

fn commented(schema: &str, comment: &str) -> String {
    format!("comment on schema {schema} is '{}'", comment.replace('\'', "''"))
}
