//! The data of one component, held by this command or by a process that runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use component::{Channel, Component, Cx, Ref, Root};
use database::{Config as Settings, Database, Holder, Migrations};
use wire::{Tcp, Token};
use world::{Address, Env, Task};

use super::progress::Shown;
use crate::failure::CommandError;
use crate::operator::{self, Operator, OperatorError, Step, TableRows};

/// How long the owner may take for what it can answer at once: longer, and it stands still.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long it may take for a command that copies data, or waits for all who write.
const COMMAND_MAX: Duration = Duration::from_secs(24 * 3600);

/// How often the owner is asked how far it is, and to go on not writing.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The data of one component.
pub(crate) enum Held {
    /// Nobody has it but this command.
    Here(Database),
    /// A process has it, and does what it is asked.
    There {
        env: Env,
        component: String,
        operator: Ref<dyn Operator>,
        pid: u32,
    },
}

impl Held {
    /// Opens the data of `component`, or finds who has it.
    pub(crate) async fn find(
        env: &Env,
        component: &str,
        settings: &Settings,
        migrations: &Migrations,
    ) -> Result<Held, CommandError> {
        match holder(env, component, settings)? {
            Some(holder) => Held::there(env, component, &holder).await,
            None => Ok(Held::Here(Database::open(env, component, settings, migrations).await?)),
        }
    }

    /// The same, without running anything of its schema; an error where there is no data yet.
    pub(crate) async fn look(env: &Env, component: &str, settings: &Settings) -> Result<Held, CommandError> {
        if let Some(holder) = holder(env, component, settings)? {
            return Held::there(env, component, &holder).await;
        }
        match Database::look(env, component, settings).await? {
            Some(database) => Ok(Held::Here(database)),
            None => Err(format!("`{component}` has no database yet; start the application once").into()),
        }
    }

    async fn there(env: &Env, component: &str, holder: &Holder) -> Result<Held, CommandError> {
        let operator = connect(env, component, holder).await?;
        Ok(Held::There {
            env: env.clone(),
            component: component.to_owned(),
            operator,
            pid: holder.pid,
        })
    }

    pub(crate) async fn steps(&self) -> Result<Vec<Step>, CommandError> {
        Ok(match self {
            Held::Here(database) => operator::steps(database).await?,
            Held::There {
                env,
                component,
                operator,
                pid,
            } => {
                let steps = operator.steps(&cx(env), component.clone()).await;
                steps
                    .map_err(CommandError::from)
                    .map_err(|error| match error.is_late() {
                        true => silent(component, *pid),
                        false => error,
                    })?
            }
        })
    }

    /// Writes all of the data to a new file.
    pub(crate) async fn dump(&self, path: &Path, shown: &Shown) -> Result<Vec<TableRows>, CommandError> {
        match self {
            Held::Here(database) => {
                let dumped = database::dump::dump(database, path, shown.progress()).await?;
                Ok(operator::rows(dumped))
            }
            Held::There {
                env,
                component,
                operator,
                ..
            } => {
                let path = std::path::absolute(path)?.display().to_string();
                let watched = watch(env, component, operator, shown);
                let dumped = operator.dump(&within(env, COMMAND_MAX), component.clone(), path).await;
                watched.cancel();
                Ok(dumped?)
            }
        }
    }

    /// Stops writing, and keeps it stopped until the answer is dropped or used.
    pub(crate) async fn freeze(&self) -> Result<Frozen<'_>, CommandError> {
        match self {
            Held::Here(database) => {
                database.freeze("the data is being moved").await?;
                Ok(Frozen {
                    held: self,
                    ticket: 0,
                    kept: None,
                })
            }
            Held::There {
                env,
                component,
                operator,
                ..
            } => {
                let ticket = operator
                    .freeze(&within(env, COMMAND_MAX), component.clone(), None)
                    .await?;
                let kept = keep(env, component, operator, ticket);
                Ok(Frozen {
                    held: self,
                    ticket,
                    kept: Some(kept),
                })
            }
        }
    }
}

/// Data that nobody writes to.
pub(crate) struct Frozen<'h> {
    held: &'h Held,
    ticket: u64,
    kept: Option<Task<()>>,
}

/// Says that all of this data lies at `to` from now on. The process that has it marks all of it by itself, whatever becomes
/// of this command; where one mark is missing after that, it does not start on the old data any more, since another is there.
pub(crate) async fn moved(frozen: Vec<Frozen<'_>>, to: &str) -> Result<(), CommandError> {
    // By process: how to ask it, and the components it has with their tickets.
    type Asked = (Env, Ref<dyn Operator>, Vec<(String, u64)>);
    let mut asked: BTreeMap<u32, Asked> = BTreeMap::new();
    for frozen in &frozen {
        match frozen.held {
            Held::Here(database) => database.mark_moved(to).await?,
            Held::There {
                env,
                component,
                operator,
                pid,
            } => {
                let all = asked.entry(*pid);
                let (_, _, all) = all.or_insert_with(|| (env.clone(), operator.clone(), Vec::new()));
                all.push((component.clone(), frozen.ticket));
            }
        }
    }
    for (env, operator, all) in asked.into_values() {
        operator.moved(&within(&env, COMMAND_MAX), all, to.to_owned()).await?;
    }
    frozen.into_iter().for_each(Frozen::let_go);
    Ok(())
}

impl Frozen<'_> {
    /// Lets transactions write again.
    pub(crate) async fn thaw(self) {
        match self.held {
            Held::Here(database) => database.thaw(),
            Held::There {
                env,
                component,
                operator,
                ..
            } => {
                // If this fails writing goes on by itself in half a minute.
                let _ = operator.thaw(&cx(env), component.clone(), self.ticket).await;
            }
        }
        self.let_go();
    }

    fn let_go(self) {
        if let Some(kept) = self.kept {
            kept.cancel();
        }
    }
}

/// Only a file has one process.
fn holder(env: &Env, component: &str, settings: &Settings) -> Result<Option<Holder>, CommandError> {
    match settings.engine {
        database::config::Place::Sqlite => Ok(database::holder(env, component)?),
        database::config::Place::Postgres { .. } => Ok(None),
    }
}

/// For what the owner can answer at once.
pub(crate) fn cx(env: &Env) -> Cx {
    within(env, ANSWER_MAX)
}

fn within(env: &Env, time: Duration) -> Cx {
    Cx::from_root(
        env,
        Root {
            began: None,
            id: None,
            deadline: Some(env.deadline(time)),
            principal: None,
            trace: None,
        },
    )
}

/// Who has data that one of `components` keeps in a file, if anybody has.
pub(crate) fn any_holder(
    env: &Env,
    components: &[String],
    settings: &Settings,
) -> Result<Option<(String, Holder)>, CommandError> {
    for component in components {
        if let Some(holder) = holder(env, component, settings)? {
            return Ok(Some((component.clone(), holder)));
        }
    }
    Ok(None)
}

/// A component of the process that holds data, through its door for commands.
pub(crate) async fn connect<C: Component + ?Sized>(
    env: &Env,
    component: &str,
    holder: &Holder,
) -> Result<Ref<C>, CommandError> {
    let pid = holder.pid;
    let Some(owner) = &holder.owner else {
        return Err(format!(
            "process {pid} holds the data of `{component}` and takes no commands; wait until it has ended, or end it"
        )
        .into());
    };
    let tcp = Tcp {
        token: Some(Token::new(&owner.token)?),
        face: None,
    };
    let env = env.with_transport(std::sync::Arc::new(tcp));
    let address = Address::new(&owner.address);
    let channel = Channel::new(&env, address, C::declared(), wire::Limits::default());
    // The system takes the connection of a process that stands still, and nobody says anything on it: a hello has a limit.
    let connected = channel.connect().await;
    connected.map_err(|error| stuck(component, pid, &format!("does not answer: {error}")))?;
    Ok(Ref::remote("command", channel))
}

/// Who has the data has not answered in time.
pub(crate) fn silent(component: &str, pid: u32) -> CommandError {
    stuck(
        component,
        pid,
        &format!("has not answered for {} s", ANSWER_MAX.as_secs()),
    )
}

fn stuck(component: &str, pid: u32, why: &str) -> CommandError {
    format!(
        "process {pid} holds the data of `{component}` and {why}; if it was stopped, let it go on by `kill -CONT {pid}`, \
         otherwise end it by `kill {pid}`, and ask again: what was asked may be done still"
    )
    .into()
}

/// Shows how far the owner is.
fn watch(env: &Env, component: &str, operator: &Ref<dyn Operator>, shown: &Shown) -> Task<()> {
    let (own, component, operator) = (env.clone(), component.to_owned(), operator.clone());
    let progress = shown.progress();
    env.spawn("progress", async move {
        loop {
            own.sleep(ASKED_EVERY).await;
            if let Ok(Some(reached)) = operator.reached(&cx(&own), component.clone()).await {
                progress(&reached.table, reached.rows);
            }
        }
    })
}

/// Asks again and again that nothing is written.
fn keep(env: &Env, component: &str, operator: &Ref<dyn Operator>, ticket: u64) -> Task<()> {
    let (own, component, operator) = (env.clone(), component.to_owned(), operator.clone());
    env.spawn("freeze", async move {
        loop {
            own.sleep(10 * ASKED_EVERY).await;
            let asked: Result<u64, OperatorError> = operator.freeze(&cx(&own), component.clone(), Some(ticket)).await;
            if let Err(OperatorError::Refused(_)) = asked {
                return;
            }
        }
    })
}
