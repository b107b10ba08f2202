//! A component that sends reminders.

use std::sync::Arc;
use std::time::Duration;

use database::migration::Kind;
use database::{Database, Migration, Migrations, Transaction};
use jobs::mail::{self, Engine, Mail, Smtp};
use jobs::{Backoff, Config, Filter, JobId, Jobs, State};
use sim::World;
use terrace::{CallError, CallErrorKind, Cx, Env};

use crate::repeats::{Attempts, Watched};
use crate::server;

/// The node it is on.
pub(crate) const NODE: &str = "office";

/// How long a message is a worker's without being renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// When a reminder is due.
const AFTER: Duration = Duration::from_millis(1_200);

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "office",
        kind: Kind::Expand,
        sqlite: "create table reminders (number integer primary key, id blob not null);",
        postgres: "",
    }],
};

/// What is known of a message.
#[terrace::data]
pub(crate) struct Line {
    pub number: u64,
    pub id: String,
    pub state: String,
    pub reason: String,
    pub repeats: u64,
    /// Whether its latest attempt began before its time, by the clock that decides.
    pub early: bool,
}

/// Why there is none.
#[terrace::data]
#[derive(thiserror::Error)]
pub(crate) enum OfficeError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<database::Error> for OfficeError {
    fn from(error: database::Error) -> OfficeError {
        OfficeError::Call(error.into())
    }
}

/// Sends reminders.
#[terrace::component(requires = "asynchronous")]
pub(crate) trait Office {
    /// Sends one, at once or for later.
    #[call(once)]
    async fn remind(&self, cx: &Cx, number: u64) -> Result<bool, OfficeError>;

    /// All there were.
    #[call(read)]
    async fn report(&self, cx: &Cx) -> Result<Vec<Line>, OfficeError>;
}

/// The module.
pub(crate) struct Desk {
    database: Database,
    jobs: Jobs,
    mail: Mail,
}

impl Desk {
    /// Opens it, with two workers on one database, as two replicas would be.
    pub(crate) async fn open(world: &World, env: &Env, attempts: &Attempts) -> Result<Desk, String> {
        let opened = Database::open(env, "Office", &database::Config::default(), &TABLES).await;
        let database = opened.map_err(|error| error.to_string())?;
        let mut first = None;
        for _ in 0..2 {
            let config = Config {
                poll: Duration::from_millis(200),
                lease: LEASE,
                ..Config::default()
            };
            let jobs = Jobs::open(env, &database, config).await;
            let jobs = jobs.map_err(|error| error.to_string())?;
            let smtp = Smtp::new(&server::url()).map_err(|error| error.to_string())?;
            let watched = Watched {
                smtp,
                world: world.clone(),
                attempts: attempts.clone(),
            };
            let config = mail::Config {
                engine: Engine::Carrier(Arc::new(watched)),
                from: Some("todo@example.org".to_owned()),
                backoff: Backoff {
                    first: Duration::from_millis(300),
                    factor: 2,
                    most: Duration::from_secs(4),
                    attempts_max: 60,
                },
            };
            let mail = Mail::open(&jobs, config).await.map_err(|error| error.to_string())?;
            drop(jobs.start().await.map_err(|error| error.to_string())?);
            first.get_or_insert((jobs, mail));
        }
        let (jobs, mail) = first.ok_or("no jobs")?;
        Ok(Desk { database, jobs, mail })
    }
}

impl Office for Desk {
    async fn remind(&self, cx: &Cx, number: u64) -> Result<bool, OfficeError> {
        let mail = self.mail.clone();
        self.database
            .once(cx, async move |tx: &Transaction<'_>| {
                let draft = mail.draft().to("joerg@example.org").subject(number.to_string());
                let message = draft.text(".\nWater the plants.").build();
                let message = message.map_err(|error| {
                    OfficeError::Call(CallError::maybe_run(CallErrorKind::Unavailable, error.to_string()))
                })?;
                let later = number.is_multiple_of(2);
                let after = if later { AFTER } else { Duration::ZERO };
                let id = mail.send_with(tx, &message, |job| job.after(after)).await?;
                tx.execute("insert into reminders values ($1, $2)", (number as i64, id.0))
                    .await?;
                Ok(true)
            })
            .await
    }

    async fn report(&self, _: &Cx) -> Result<Vec<Line>, OfficeError> {
        let reminders: Vec<(i64, uuid::Uuid)> = self.database.query("select number, id from reminders", ()).await?;
        let listed = self.jobs.list(&Filter::default(), 1_000).await;
        let listed = listed
            .map_err(|error| OfficeError::Call(CallError::maybe_run(CallErrorKind::Unavailable, error.to_string())))?;
        let mut lines = Vec::new();
        for (number, id) in reminders {
            let id = JobId(id);
            let job = listed.iter().find(|job| job.id == id);
            let repeats = self.mail.posted(id).await?.map_or(0, |posted| posted.repeats);
            lines.push(Line {
                number: number.unsigned_abs(),
                id: id.to_string(),
                state: job.map_or("lost", |job| job.state.word()).to_owned(),
                reason: job.and_then(|job| job.reason.clone()).unwrap_or_default(),
                repeats,
                early: job.is_some_and(|job| {
                    job.state != State::Waiting && job.started.is_some_and(|started| started < job.due)
                }),
            });
        }
        Ok(lines)
    }
}
