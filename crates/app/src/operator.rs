//! What a process that holds data answers to commands of the same program: a component on loopback, behind a token that
//! lies beside the data and that only its owner can read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use component::{Cx, Ref, Served, Serving, serve_on};
use database::dump::{self, Contents};
use database::{Database, Error};
use host::Opened;
use jobs::{Filter, JobId, Jobs, Shown};
use uuid::Uuid;
use wire::{CallError, Foreign, Tcp, Token};
use world::{Address, Env, Listener};

/// How long writing stays stopped unless whoever asked for it asks again.
const FREEZE_MAX: Duration = Duration::from_secs(30);

/// Why an operator's request was not done.
#[macros::data(crate = "crate::face")]
#[derive(thiserror::Error)]
pub(crate) enum OperatorError {
    /// The call failed.
    #[error(transparent)]
    Call(CallError),
    /// It was refused, or went wrong.
    #[error("{0}")]
    Refused(String),
}

impl From<CallError> for OperatorError {
    fn from(error: CallError) -> OperatorError {
        OperatorError::Call(error)
    }
}

impl From<Error> for OperatorError {
    fn from(error: Error) -> OperatorError {
        OperatorError::Refused(error.to_string())
    }
}

impl From<jobs::Error> for OperatorError {
    fn from(error: jobs::Error) -> OperatorError {
        OperatorError::Refused(error.to_string())
    }
}

/// A step of a schema, as an operator sees it.
#[macros::data(crate = "crate::face")]
pub(crate) struct Step {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) kind: String,
    /// RFC 3339.
    pub(crate) at: String,
}

/// What a table holds.
#[macros::data(crate = "crate::face")]
pub(crate) struct TableRows {
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) checksum: String,
}

/// How far a dump is.
#[macros::data(crate = "crate::face")]
pub(crate) struct Reached {
    pub(crate) table: String,
    pub(crate) rows: u64,
}

/// Commands on data that this process holds.
#[macros::component(crate = "crate::face", name = "TerraceOperator")]
pub(crate) trait Operator {
    /// The steps of a component's schema that were run.
    #[call(read)]
    async fn steps(&self, cx: &Cx, component: String) -> Result<Vec<Step>, OperatorError>;

    /// Writes all of a component's data to a file.
    async fn dump(&self, cx: &Cx, component: String, path: String) -> Result<Vec<TableRows>, OperatorError>;

    /// How far the dump of a component is.
    #[call(read)]
    async fn reached(&self, cx: &Cx, component: String) -> Result<Option<Reached>, OperatorError>;

    /// Stops writing for half a minute, and answers a number by which it is asked for longer.
    async fn freeze(&self, cx: &Cx, component: String, ticket: Option<u64>) -> Result<u64, OperatorError>;

    /// Lets transactions write again.
    async fn thaw(&self, cx: &Cx, component: String, ticket: u64) -> Result<(), OperatorError>;

    /// The components that have jobs here.
    #[call(read)]
    async fn workers(&self, cx: &Cx) -> Result<Vec<String>, OperatorError>;

    /// The newest jobs of a component that match.
    #[call(read)]
    async fn jobs(
        &self,
        cx: &Cx,
        component: String,
        filter: Foreign<Filter>,
        limit: u32,
    ) -> Result<Vec<Foreign<Shown>>, OperatorError>;

    /// One job, if the component has it.
    #[call(read)]
    async fn job(&self, cx: &Cx, component: String, id: Uuid) -> Result<Option<Foreign<Shown>>, OperatorError>;

    /// Replays a parked job.
    async fn retry(&self, cx: &Cx, component: String, id: Uuid, may_repeat: bool) -> Result<(), OperatorError>;

    /// Cancels a job.
    async fn cancel(&self, cx: &Cx, component: String, id: Uuid) -> Result<(), OperatorError>;

    /// A new address of the operator's pages, if there are any.
    async fn admin(&self, cx: &Cx) -> Result<Option<String>, OperatorError>;

    /// Says that the data of these components lies elsewhere from now on, of all of them: it goes on to its end when whoever
    /// asked is gone. Refused where writing to one of them was let go in the meantime.
    async fn moved(&self, cx: &Cx, frozen: Vec<(String, u64)>, to: String) -> Result<(), OperatorError>;
}

/// Why nothing is written meanwhile.
const MOVING: &str = "the data is being moved by `database move`; try again in a moment";

/// The door that commands come through, before anybody is behind it.
pub(crate) struct Door {
    listener: Box<dyn Listener>,
    token: Token,
    pub(crate) owner: database::config::Owner,
}

impl Door {
    /// Listens on loopback for commands.
    pub(crate) async fn open(env: &Env) -> Result<Door, Box<dyn std::error::Error + Send + Sync>> {
        let listener = env.network().listen(&Address::new("127.0.0.1:0")).await?;
        let mut random = env.random("operator");
        let secret = format!("{:032x}", random.u128());
        let owner = database::config::Owner {
            address: listener.address().as_str().to_owned(),
            token: secret.clone(),
        };
        let token = Token::new(&secret)?;
        Ok(Door { listener, token, owner })
    }

    /// Serves commands on what this process has open, and its components themselves.
    pub(crate) fn serve(
        self,
        env: &Env,
        opened: &Opened,
        invite: Option<Invite>,
    ) -> Result<Serving, Box<dyn std::error::Error + Send + Sync>> {
        let operator = operator(env, opened.databases(), opened.jobs(), invite);
        let served: Vec<Served> = operator.served().into_iter().chain(opened.served()).collect();
        let offered = component::Offered::new(env, served, wire::Limits::default());
        let tcp = Tcp {
            token: Some(self.token),
            face: None,
        };
        Ok(serve_on(env, offered, self.listener, tcp)?)
    }
}

/// Makes a new address of the operator's pages.
pub(crate) type Invite = Arc<dyn Fn() -> String + Send + Sync>;

/// Commands on what this process itself has open.
pub(crate) fn here(env: &Env, databases: Vec<Database>, jobs: Vec<Jobs>) -> Ref<dyn Operator> {
    operator(env, databases, jobs, None)
}

fn operator(env: &Env, databases: Vec<Database>, jobs: Vec<Jobs>, invite: Option<Invite>) -> Ref<dyn Operator> {
    let held = |database: Database| (database.component().to_owned(), database);
    let works = |jobs: Jobs| (jobs.database().component().to_owned(), jobs);
    Ref::new(Holder {
        env: env.clone(),
        held: databases.into_iter().map(held).collect(),
        jobs: jobs.into_iter().map(works).collect(),
        invite,
        state: Arc::default(),
    })
}

/// The databases of this process, and what commands do to them.
struct Holder {
    env: Env,
    held: BTreeMap<String, Database>,
    jobs: BTreeMap<String, Jobs>,
    invite: Option<Invite>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    tickets: u64,
    /// The ticket under which a component's writing is stopped, and how often that was asked for.
    frozen: BTreeMap<String, (u64, u64)>,
    reached: BTreeMap<String, Reached>,
}

impl Holder {
    fn held(&self, component: &str) -> Result<&Database, OperatorError> {
        self.held.get(component).ok_or_else(|| {
            let held: Vec<&str> = self.held.keys().map(String::as_str).collect();
            OperatorError::Refused(format!(
                "this process holds no data of `{component}`, but of {}",
                held.join(", ")
            ))
        })
    }

    fn jobs_of(&self, component: &str) -> Result<&Jobs, OperatorError> {
        self.jobs.get(component).ok_or_else(|| {
            let known: Vec<&str> = self.jobs.keys().map(String::as_str).collect();
            OperatorError::Refused(format!(
                "`{component}` has no jobs; those that have some: {}",
                known.join(", ")
            ))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Lets go of writing unless somebody asks again in time.
    fn thaw_in_time(&self, component: &str, ticket: u64, asked: u64) {
        let (env, state, component) = (self.env.clone(), self.state.clone(), component.to_owned());
        let database = self.held.get(&component).cloned();
        drop(self.env.spawn("thaw", async move {
            env.sleep(FREEZE_MAX).await;
            let mut state = lock(&state);
            if state.frozen.get(&component) == Some(&(ticket, asked)) {
                state.frozen.remove(&component);
                tracing::warn!(target: "terrace::app", %component, "whoever moved the data is gone: writing goes on here");
                if let Some(database) = database {
                    database.thaw();
                }
            }
        }));
    }
}

impl Operator for Holder {
    async fn steps(&self, _: &Cx, component: String) -> Result<Vec<Step>, OperatorError> {
        steps(self.held(&component)?).await
    }

    async fn dump(&self, _: &Cx, component: String, path: String) -> Result<Vec<TableRows>, OperatorError> {
        let database = self.held(&component)?;
        let (state, of) = (self.state.clone(), component.clone());
        let progress: dump::Progress = Arc::new(move |table, rows| {
            let reached = Reached {
                table: table.to_owned(),
                rows,
            };
            lock(&state).reached.insert(of.clone(), reached);
        });
        let dumped = dump::dump(database, &PathBuf::from(path), progress).await;
        self.state().reached.remove(&component);
        Ok(rows(dumped?))
    }

    async fn reached(&self, _: &Cx, component: String) -> Result<Option<Reached>, OperatorError> {
        Ok(self.state().reached.get(&component).cloned())
    }

    async fn freeze(&self, _: &Cx, component: String, ticket: Option<u64>) -> Result<u64, OperatorError> {
        let database = self.held(&component)?;
        let (ticket, asked) = {
            // In one step, so that it is not let go of in between.
            let mut state = self.state();
            let (ticket, asked) = match (state.frozen.get(&component).copied(), ticket) {
                (Some((known, asked)), Some(ticket)) if known == ticket => (ticket, asked + 1),
                (None, None) => {
                    state.tickets += 1;
                    (state.tickets, 0)
                }
                (Some(_), _) => {
                    let message = format!("the data of `{component}` is being moved already; wait until that is over");
                    return Err(OperatorError::Refused(message));
                }
                (None, Some(_)) => return Err(let_go(&component)),
            };
            state.frozen.insert(component.clone(), (ticket, asked));
            (ticket, asked)
        };
        self.thaw_in_time(&component, ticket, asked);
        if asked == 0
            && let Err(error) = database.freeze(MOVING).await
        {
            self.state().frozen.remove(&component);
            return Err(error.into());
        }
        Ok(ticket)
    }

    async fn thaw(&self, _: &Cx, component: String, ticket: u64) -> Result<(), OperatorError> {
        let database = self.held(&component)?;
        let mut state = self.state();
        if state.frozen.get(&component).is_some_and(|(known, _)| *known == ticket) {
            state.frozen.remove(&component);
            database.thaw();
        }
        Ok(())
    }

    async fn workers(&self, _: &Cx) -> Result<Vec<String>, OperatorError> {
        Ok(self.jobs.keys().cloned().collect())
    }

    async fn jobs(
        &self,
        _: &Cx,
        component: String,
        filter: Foreign<Filter>,
        limit: u32,
    ) -> Result<Vec<Foreign<Shown>>, OperatorError> {
        let listed = self.jobs_of(&component)?.list(&filter.0, limit).await?;
        Ok(listed.into_iter().map(Foreign).collect())
    }

    async fn job(&self, _: &Cx, component: String, id: Uuid) -> Result<Option<Foreign<Shown>>, OperatorError> {
        match self.jobs_of(&component)?.show(JobId(id)).await {
            Ok(shown) => Ok(Some(Foreign(shown))),
            Err(jobs::Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn retry(&self, _: &Cx, component: String, id: Uuid, may_repeat: bool) -> Result<(), OperatorError> {
        Ok(self.jobs_of(&component)?.retry(JobId(id), may_repeat).await?)
    }

    async fn cancel(&self, _: &Cx, component: String, id: Uuid) -> Result<(), OperatorError> {
        Ok(self.jobs_of(&component)?.cancel_job(JobId(id)).await?)
    }

    async fn admin(&self, _: &Cx) -> Result<Option<String>, OperatorError> {
        Ok(self.invite.as_ref().map(|invite| invite()))
    }

    async fn moved(&self, cx: &Cx, frozen: Vec<(String, u64)>, to: String) -> Result<(), OperatorError> {
        let mut databases = Vec::new();
        for (component, _) in &frozen {
            databases.push(self.held(component)?.clone());
        }
        {
            let mut state = self.state();
            for (component, ticket) in &frozen {
                if state.frozen.get(component).is_none_or(|(known, _)| known != ticket) {
                    return Err(let_go(component));
                }
            }
            // None is let go of any more: what one has lost of the others is not to be written here.
            for (component, _) in &frozen {
                state.frozen.remove(component);
            }
        }
        let place = to.clone();
        let marked = cx.finish(async move {
            for database in databases {
                database.mark_moved(&place).await?;
            }
            Ok::<(), Error>(())
        });
        marked.await??;
        tracing::warn!(
            target: "terrace::app", %to,
            "the data was moved: nothing is written here any more; set tiers.database, and start again"
        );
        Ok(())
    }
}

fn let_go(component: &str) -> OperatorError {
    OperatorError::Refused(format!(
        "writing to `{component}` went on in the meantime, so that what was moved is not all of it; move it again"
    ))
}

/// The steps of a component's schema that were run.
pub(crate) async fn steps(database: &Database) -> Result<Vec<Step>, OperatorError> {
    let applied = database.migrations(database::migration::COMPONENT).await?;
    let step = |applied: database::migration::Applied| Step {
        number: applied.number,
        name: applied.name,
        kind: applied.kind,
        at: applied.at.to_string(),
    };
    Ok(applied.into_iter().map(step).collect())
}

/// What is in a dump, as it crosses.
pub(crate) fn rows(contents: Contents) -> Vec<TableRows> {
    let table = |table: dump::TableContents| TableRows {
        table: table.table,
        rows: table.rows,
        checksum: table.checksum,
    };
    contents.tables.into_iter().map(table).collect()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
