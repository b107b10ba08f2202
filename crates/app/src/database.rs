//! The commands on databases: `database status | migrate | backup | restore | move`.

pub(crate) mod command_line;
pub(crate) mod held;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use database::config::Place;
use database::{Config as Settings, Database};
use host::databases::{self, Asked};
use host::{Config, Modules};
use serde::Serialize;
use world::Env;

use self::command_line::Choice;
use self::held::Held;
use self::progress::Shown;
use crate::console::Console;
use crate::failure::CommandError;
use crate::operator::{Step, TableRows};

/// The application whose databases are looked after.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) env: Env,
    pub(crate) config: Arc<Config>,
    pub(crate) modules: Modules,
    pub(crate) json: bool,
    pub(crate) console: Arc<Console>,
    /// The configuration with another `tiers.database`, for a move, and the node that has its disk.
    pub(crate) elsewhere: Option<(Env, Arc<Config>)>,
}

pub(crate) async fn run(target: Target, choice: Choice) -> Result<u8, CommandError> {
    match choice {
        Choice::Status => status(target).await,
        Choice::Migrate => migrate(target).await,
        Choice::Backup { folder } => backup(target, &folder).await,
        Choice::Restore {
            folder,
            component,
            replaces,
        } => restore(target, &folder, component.as_deref(), replaces).await,
        Choice::Move { .. } => move_away(target).await,
    }
}

/// A database, as `status` prints it.
#[derive(Serialize)]
pub(crate) struct Status {
    component: String,
    pub(crate) engine: &'static str,
    /// Who has the data open; nobody but the command itself where it is missing.
    pub(crate) pid: Option<u32>,
    pub(crate) applied: Vec<StepLine>,
    pub(crate) pending: Vec<String>,
    /// Why it could not be looked at.
    pub(crate) error: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct StepLine {
    number: u32,
    name: String,
    kind: String,
    at: String,
}

impl From<Step> for StepLine {
    fn from(step: Step) -> StepLine {
        StepLine {
            number: step.number,
            name: step.name,
            kind: step.kind,
            at: step.at,
        }
    }
}

async fn status(target: Target) -> Result<u8, CommandError> {
    let (env, console, json) = (target.env.clone(), target.console.clone(), target.json);
    let settings = Settings {
        // It is looked at, and nothing is changed.
        migrate: false,
        ..databases::configured(&target.config)?
    };
    let asked = asked(target).await?;
    let mut all = Vec::new();
    for (component, asked) in asked {
        all.push(status_of(&env, component, &settings, asked).await);
    }
    let failed = all.iter().any(|status| status.error.is_some());
    if json {
        console.text(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
    } else {
        console.text(&printed(&all))?;
    }
    Ok(u8::from(failed))
}

pub(crate) async fn status_of(env: &Env, component: String, settings: &Settings, asked: Asked) -> Status {
    let engine = match settings.engine {
        Place::Sqlite => "sqlite",
        Place::Postgres { .. } => "postgres",
    };
    let mut status = Status {
        component,
        engine,
        pid: None,
        applied: Vec::new(),
        pending: Vec::new(),
        error: None,
    };
    let looked = async {
        let held = Held::look(env, &status.component, settings).await?;
        let pid = match &held {
            Held::Here(_) => None,
            Held::There { pid, .. } => Some(*pid),
        };
        Ok::<_, CommandError>((pid, held.steps().await?))
    };
    match looked.await {
        Ok((pid, steps)) => {
            let known = |number: u32| steps.iter().any(|step| step.number == number);
            let pending = asked.migrations.list.iter().filter(|step| !known(step.number));
            status.pending = pending
                .map(|step| format!("{:04}_{}", step.number, step.name))
                .collect();
            status.pid = pid;
            status.applied = steps.into_iter().map(StepLine::from).collect();
        }
        Err(error) => status.error = Some(error.to_string()),
    }
    status
}

fn printed(all: &[Status]) -> String {
    if all.is_empty() {
        return "no component asks for a database\n".to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_header(["component", "engine", "held by", "newest step", "pending"]);
    for status in all {
        if status.error.is_some() {
            table.add_row([status.component.as_str(), status.engine, "?", "?", "?"]);
            continue;
        }
        let held = status
            .pid
            .map_or_else(|| "nobody".to_owned(), |pid| format!("process {pid}"));
        let newest = status.applied.last().map_or_else(
            || "none".to_owned(),
            |step| format!("{:04}_{} ({})", step.number, step.name, step.kind),
        );
        let pending = match &status.pending[..] {
            [] => "none".to_owned(),
            pending => pending.join("\n"),
        };
        table.add_row([status.component.as_str(), status.engine, &held, &newest, &pending]);
    }
    let mut text = format!("{table}\n");
    for (component, error) in all
        .iter()
        .filter_map(|status| Some((&status.component, status.error.as_ref()?)))
    {
        text.push_str(&format!("{component}: {error}\n"));
    }
    text
}

async fn migrate(target: Target) -> Result<u8, CommandError> {
    let (env, console, json) = (target.env.clone(), target.console.clone(), target.json);
    let settings = Settings {
        migrate: true,
        ..databases::configured(&target.config)?
    };
    let mut done = Vec::new();
    for (component, asked) in asked(target).await? {
        let held = Held::find(&env, &component, &settings, &asked.migrations).await?;
        if let Held::There { pid, .. } = held {
            let message = format!(
                "process {pid} holds the data of `{component}`, and has run its own migrations; end it to run those of this \
                 program"
            );
            return Err(message.into());
        }
        done.push(component);
    }
    match json {
        true => console.text(&format!("{}\n", serde_json::json!({ "migrated": done })))?,
        false => console.text(&format!(
            "the schemas are as this program knows them: {}\n",
            listed(&done)
        ))?,
    }
    Ok(0)
}

/// One component's file of a backup, or what came of it.
#[derive(Serialize)]
struct Done {
    component: String,
    file: PathBuf,
    tables: Vec<Rows>,
}

#[derive(Serialize)]
struct Rows {
    table: String,
    rows: u64,
    checksum: String,
}

impl Done {
    fn new(component: String, file: PathBuf, tables: Vec<TableRows>) -> Done {
        let rows = |table: TableRows| Rows {
            table: table.table,
            rows: table.rows,
            checksum: table.checksum,
        };
        Done {
            component,
            file,
            tables: tables.into_iter().map(rows).collect(),
        }
    }

    fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

async fn backup(target: Target, folder: &Path) -> Result<u8, CommandError> {
    let (env, console, json) = (target.env.clone(), target.console.clone(), target.json);
    let settings = databases::configured(&target.config)?;
    let mut done = Vec::new();
    for component in asked(target).await?.into_keys() {
        let file = file_of(folder, &component);
        let held = Held::look(&env, &component, &settings).await?;
        let shown = Shown::new(&component, "backup of");
        let dumped = held.dump(&file, &shown).await;
        shown.done();
        done.push(Done::new(component, file, dumped?));
    }
    report(&console, json, "written", &done)
}

async fn restore(target: Target, folder: &Path, only: Option<&str>, replaces: bool) -> Result<u8, CommandError> {
    let (env, console, json) = (target.env.clone(), target.console.clone(), target.json);
    let databases = opened(target.modules, &env, target.config.clone()).await?;
    if let Some(only) = only.filter(|only| !databases.iter().any(|database| database.component() == *only)) {
        let known: Vec<String> = databases
            .iter()
            .map(|database| database.component().to_owned())
            .collect();
        return Err(format!("`{only}` has no database; those that have one: {}", listed(&known)).into());
    }
    let wanted = |database: &&Database| only.is_none_or(|only| only == database.component());
    // Whether all of it can be read is known before anything is changed.
    for database in databases.iter().filter(wanted) {
        database::dump::verify(&file_of(folder, database.component()))?;
    }
    let mut done = Vec::new();
    for database in databases.iter().filter(wanted) {
        done.push(fill(database, &file_of(folder, database.component()), replaces, "restoring").await?);
    }
    report(&console, json, "restored", &done)
}

async fn move_away(target: Target) -> Result<u8, CommandError> {
    let (console, json, env) = (target.console.clone(), target.json, target.env.clone());
    let settings = databases::configured(&target.config)?;
    if !matches!(settings.engine, Place::Sqlite) {
        let message = "data is moved from SQLite; from PostgreSQL end the application, then use `database backup`, and \
                       `database restore` with the other tiers.database";
        return Err(message.into());
    }
    let (there, config) = target.elsewhere.ok_or("there is nowhere to move to")?;
    // Without its password.
    let to = config
        .tiers
        .database
        .as_ref()
        .map(|tier| tier.url.clone())
        .unwrap_or_default();
    let databases = opened(target.modules, &there, config).await?;
    for database in &databases {
        must_be_empty(database).await?;
    }
    let mut sources = Vec::new();
    for database in &databases {
        sources.push(Held::look(&env, database.component(), &settings).await?);
    }
    let mut frozen = Vec::new();
    let moved = move_all(&env, &databases, &sources, &mut frozen).await;
    let done = match moved {
        Ok(done) => done,
        Err(error) => {
            for frozen in frozen {
                frozen.thaw().await;
            }
            for database in &databases {
                // What is there came from this move.
                if let Err(left) = database::dump::empty(database).await {
                    let component = database.component();
                    console.note(&format!("what was moved of `{component}` is there still: {left}\n"));
                }
            }
            return Err(error);
        }
    };
    held::moved(frozen, &to).await.map_err(|error| {
        format!(
            "all of the data lies at {to}, but it could not be said here that it does: {error}; end the application before \
             anything more is written here"
        )
    })?;
    report(&console, json, "moved", &done)?;
    if !json {
        console.note(&format!(
            "now set tiers.database = \"{to}\" and start {} again; the old files are not opened any more\n",
            target.name
        ));
    }
    Ok(0)
}

async fn move_all<'h>(
    env: &Env,
    databases: &[Database],
    sources: &'h [Held],
    frozen: &mut Vec<held::Frozen<'h>>,
) -> Result<Vec<Done>, CommandError> {
    for held in sources {
        frozen.push(held.freeze().await?);
    }
    let mut done = Vec::new();
    for (database, held) in databases.iter().zip(sources) {
        let component = database.component();
        // Beside the data, where there is room for it, or the backup would not fit either.
        let file = env.sqlite(&format!("{component}.moving"))?.path;
        let shown = Shown::new(component, "moving");
        let dumped = held.dump(&file, &shown).await;
        shown.done();
        let filled = match dumped {
            Ok(_) => fill(database, &file, true, "moving").await,
            Err(error) => Err(error),
        };
        world::production::remove_file(&file)?;
        done.push(filled?);
    }
    Ok(done)
}

async fn fill(database: &Database, file: &Path, replaces: bool, what: &'static str) -> Result<Done, CommandError> {
    let component = database.component().to_owned();
    let shown = Shown::new(&component, what);
    let restored = database::dump::restore(database, file, replaces, shown.progress()).await;
    shown.done();
    Ok(Done::new(component, file.to_owned(), crate::operator::rows(restored?)))
}

/// Nothing that is there is replaced, whoever put it there.
async fn must_be_empty(database: &Database) -> Result<(), CommandError> {
    match database::dump::in_use(database).await? {
        None => Ok(()),
        Some(table) => Err(format!(
            "`{}` has data there already, in table `{table}`; move to an empty database",
            database.component()
        )
        .into()),
    }
}

/// Opens all modules, so that every table is there, and answers their databases.
async fn opened(modules: Modules, env: &Env, config: Arc<Config>) -> Result<Vec<Database>, CommandError> {
    Ok(modules.open(env, config).await?.databases())
}

async fn asked(target: Target) -> Result<BTreeMap<String, Asked>, CommandError> {
    Ok(target.modules.asked_databases(&target.env, target.config).await?)
}

fn file_of(folder: &Path, component: &str) -> PathBuf {
    folder.join(format!("{component}.dump"))
}

fn report(console: &Console, json: bool, what: &str, done: &[Done]) -> Result<u8, CommandError> {
    if json {
        console.text(&format!("{}\n", serde_json::to_string_pretty(done)?))?;
        return Ok(0);
    }
    if done.is_empty() {
        console.text("no component asks for a database\n")?;
    }
    for done in done {
        let (tables, rows) = (done.tables.len(), done.rows());
        console.text(&format!("{}: {rows} rows of {tables} tables {what}\n", done.component))?;
    }
    Ok(0)
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
