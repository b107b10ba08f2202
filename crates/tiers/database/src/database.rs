//! [`Database`]: the handle of one component to its own data.

use std::sync::{Arc, Weak};

use component::{Cx, Data, Failure};
use tokio::sync::oneshot::error::RecvError;
use wire::Ran;
use world::Env;

use crate::config::{Config, Place};
use crate::engine::{Engine, postgres, sqlite};
use crate::error::Error;
use crate::migration::{self, Migrations};
use crate::moved::{self, Freeze};
use crate::once;
use crate::row::FromRow;
use crate::sql;
use crate::transaction::{Transaction, at_most_one, one};
use crate::value::{Parameters, checked};
use crate::work::{Closure, Isolation, Outcome, Waiting};

/// One component's own data. A clone is the same database.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    env: Env,
    component: String,
    config: Config,
    engine: Engine,
    frozen: Freeze,
}

impl Database {
    /// Opens the database of `component`, and brings its schema to what `migrations` say.
    pub async fn open(env: &Env, component: &str, config: &Config, migrations: &Migrations) -> Result<Database, Error> {
        let database = Database::connect(env, component, config).await?;
        moved::refuse(&database).await?;
        database.install(migration::OWN, &once::TABLES).await?;
        database.install(migration::COMPONENT, migrations).await?;
        once::forget_in_time(&database);
        Ok(database)
    }

    async fn connect(env: &Env, component: &str, config: &Config) -> Result<Database, Error> {
        let engine = match &config.engine {
            Place::Sqlite => Engine::Sqlite(sqlite::Sqlite::open(env, component, config).await?),
            Place::Postgres { url, password } => {
                Engine::Postgres(postgres::Postgres::open(env, component, config, url, password.as_deref()).await?)
            }
        };
        Ok(Database {
            inner: Arc::new(Inner {
                env: env.clone(),
                component: component.to_owned(),
                config: config.clone(),
                engine,
                frozen: Freeze::default(),
            }),
        })
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Database {
        Database { inner }
    }

    /// Opens the database of `component` as it is, and changes nothing of its schema; `None` where there is none yet. One
    /// whose data was moved away is refused: what it holds is old.
    pub async fn look(env: &Env, component: &str, config: &Config) -> Result<Option<Database>, Error> {
        if let Place::Sqlite = config.engine {
            let place = env.sqlite(&format!("{component}.sqlite"));
            let exists = place.and_then(|place| world::production::exists(&place.path));
            let exists = exists.map_err(|error| Error::Open {
                message: format!("the database of `{component}` cannot be looked at: {error}"),
            })?;
            if !exists {
                return Ok(None);
            }
        }
        let database = Database::connect(env, component, config).await?;
        moved::refuse(&database).await?;
        Ok(Some(database))
    }

    /// The component whose data it is.
    pub fn component(&self) -> &str {
        &self.inner.component
    }

    /// The node it was opened on.
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// How it was opened.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether the engine is PostgreSQL, where SQL differs.
    pub fn is_postgres(&self) -> bool {
        matches!(self.inner.engine, Engine::Postgres(_))
    }

    /// The rows of a query, which changes nothing and sees everything that was acknowledged before.
    pub async fn query<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<Vec<R>, Error> {
        sql::admitted(sql)?;
        let rows = self.inner.engine.query(sql, checked(parameters.values())?).await?;
        rows.read()
    }

    /// The only row of a query.
    pub async fn query_one<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<R, Error> {
        one(self.query(sql, parameters).await?, sql)
    }

    /// The only row of a query, or none.
    pub async fn query_optional<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<Option<R>, Error> {
        at_most_one(self.query(sql, parameters).await?, sql)
    }

    /// Runs one statement in a transaction of its own and answers how many rows it changed.
    pub async fn execute(&self, sql: &str, parameters: impl Parameters) -> Result<u64, Error> {
        self.execute_with(Isolation::Serializable, sql, parameters.values())
            .await
    }

    /// [`Database::execute`] that sees as much of others as `isolation` says.
    pub async fn execute_with(
        &self,
        isolation: Isolation,
        sql: &str,
        parameters: impl Parameters,
    ) -> Result<u64, Error> {
        let values = parameters.values();
        if let Engine::Postgres(postgres) = &self.inner.engine
            && postgres.is_at_home()
        {
            sql::admitted(sql)?;
            let values = checked(values)?;
            let running = self
                .inner
                .frozen
                .admit(isolation, || postgres.execute(isolation, sql, &values))?;
            return running.await;
        }
        let sql = sql.to_owned();
        self.transaction_with(isolation, async move |tx: &Transaction<'_>| {
            tx.finish(&sql, &values[..]).await
        })
        .await
    }

    /// Runs a closure in a transaction: all that it does is kept, or nothing. An `Err` of its own rolls back. Where it was in
    /// conflict with others the closure is run again, at most [`ATTEMPTS_MAX`](crate::limits::ATTEMPTS_MAX) times.
    /// When the caller gives up, a transaction that has not begun is not begun.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.transaction_with(Isolation::Serializable, work).await
    }

    /// [`Database::transaction`] that sees as much of others as `isolation` says.
    pub async fn transaction_with<T, E, F>(&self, isolation: Isolation, work: F) -> Result<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(isolation, false, work).await
    }

    /// [`Database::transaction`] whose effects happen once for the call of `cx`, however often that is repeated: the call's
    /// id, a digest of its arguments and its answer are recorded in the same transaction, and a repeat gets the
    /// recorded answer. The same id with other arguments is refused. An `Err` rolls back and is not recorded. It runs to its
    /// end even when the call is cancelled. Records are kept for [`Config::once_retention`].
    pub async fn once<T, E, F>(&self, cx: &Cx, work: F) -> Result<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Data + 'static,
        E: Failure + From<Error> + 'static,
    {
        self.once_named(cx, "", work).await
    }

    /// [`Database::once`] for one of several effects of one call, which `label` tells apart.
    pub async fn once_named<T, E, F>(&self, cx: &Cx, label: &str, work: F) -> Result<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Data + 'static,
        E: Failure + From<Error> + 'static,
    {
        if cx.is_reading() {
            return Err(E::from(Error::Denied {
                message: "a method marked `read` has an effect; mark it `once`".to_owned(),
            }));
        }
        let key = once::Key::new(cx, label, self.env().wall());
        let database = self.clone();
        let work = async move |tx: &Transaction<'_>| once::recorded(tx, &key, &work).await;
        cx.finish(async move { database.run(Isolation::Serializable, true, work).await })
            .await?
    }

    /// What the call of `cx` has answered by [`Database::once`] before, if it has. For work that first has an effect elsewhere, which
    /// cannot be had twice: a code that is good for one use, say.
    pub async fn once_answer<T, E>(&self, cx: &Cx) -> Result<Option<T>, E>
    where
        T: Data + 'static,
        E: Failure + From<Error> + 'static,
    {
        let key = once::Key::new(cx, "", self.env().wall());
        self.transaction(async move |tx: &Transaction<'_>| once::answered(tx, &key).await)
            .await
    }

    /// Brings the tables of `set` to what `migrations` say; a set is the component's own, or that of a tier which keeps
    /// tables beside it.
    pub async fn install(&self, set: &str, migrations: &Migrations) -> Result<(), Error> {
        migration::install(self, set, migrations).await
    }

    async fn run<T, E, F>(&self, isolation: Isolation, tells_repeats: bool, work: F) -> Result<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let submitted = self
            .inner
            .frozen
            .admit(isolation, || self.submit(isolation, tells_repeats, work));
        answered(submitted?.await)
    }

    /// [`Database::transaction`] also while writing is stopped.
    pub(crate) async fn run_always<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        answered(self.submit(Isolation::Serializable, false, work).await)
    }

    pub(crate) fn frozen(&self) -> &Freeze {
        &self.inner.frozen
    }

    fn submit<T, E, F>(&self, isolation: Isolation, tells_repeats: bool, work: F) -> Waiting<T, E>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (closure, outcome) = Closure::new(work, isolation, tells_repeats);
        self.inner.engine.submit(closure);
        outcome
    }
}

/// What whoever waited learns.
fn answered<T, E: From<Error>>(outcome: Result<Outcome<T, E>, RecvError>) -> Result<T, E> {
    match outcome {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(E::from(error)),
        Err(_) => Err(E::from(Error::Unavailable {
            message: "the database was closed".to_owned(),
            ran: Ran::Maybe,
        })),
    }
}
