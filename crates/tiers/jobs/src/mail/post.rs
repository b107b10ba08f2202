//! [`Mail`]: the mail of one component.

use std::sync::Arc;
use std::time::Duration;

use component::Cx;
use database::{Database, FromRow, Row, Timestamp, Transaction, Value};
use wire::{Codec, Limits};
use world::Env;

use super::attempt::{Payload, Post};
use super::tables::TABLES;
use super::{Carrier, Draft, Message, MessageError, render};
use crate::backoff::Backoff;
use crate::enqueue::{Job, JobId, denied};
use crate::error::Error;
use crate::jobs::Jobs;
use crate::kind::declared;
use crate::statement;

/// The kind of the jobs that send.
pub const KIND: &str = "terrace.mail";

/// One attempt, at most: longer than a server may take for the content ([`super::CONTENT_MAX`]).
pub const LONGEST: Duration = Duration::from_secs(20 * 60);

/// When a message that was not taken is tried again: within seconds at first, then within hours, for less than two days on
/// average and more than three at most. With its attempts it stays below the time for which effects are remembered,
/// unless that is configured lower.
pub const MAILS_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(5),
    factor: 2,
    most: Duration::from_secs(3600),
    attempts_max: 90,
};

/// Messages that a mailbox keeps at most, the newest ones.
///
/// It is looked at now and then, so that for a while there may be some more.
pub const MAILBOX_MESSAGES_MAX: i64 = 1_000;

/// With which of its messages a mailbox is looked at: with each, two that come at once would be in conflict.
const MAILBOX_LOOK_EVERY: i64 = 100;

/// Bytes of the messages of a mailbox that are looked at together.
pub const MAILBOX_BYTES_MAX: i64 = 8 << 20;

/// How long a mailbox keeps a message at most.
pub const MAILBOX_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a message is called by: the id of the job that sends it.
pub type MailId = JobId;

/// Who takes the messages.
#[derive(Clone)]
pub enum Engine {
    /// They stay in the component's own database, to be looked at.
    Mailbox,
    /// They go on, to a mail server.
    Carrier(Arc<dyn Carrier>),
}

/// How mail is sent.
#[derive(Clone)]
pub struct Config {
    /// Who takes the messages. Default: the mailbox.
    pub engine: Engine,
    /// Who writes, where [`Mail::draft`] begins a message.
    pub from: Option<String>,
    /// When a message that was not taken is tried again. Default: [`MAILS_BACKOFF`].
    pub backoff: Backoff,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            engine: Engine::Mailbox,
            from: None,
            backoff: MAILS_BACKOFF,
        }
    }
}

/// The mail of one component, in its own database. A clone is the same.
#[derive(Clone)]
pub struct Mail {
    jobs: Jobs,
    mailbox: bool,
    from: Option<String>,
}

/// What is known of a message of which an attempt was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its `Message-ID`, without brackets.
    pub message_id: String,
    /// Attempts that were begun.
    pub attempts: u64,
    /// Attempts that were begun while of the one before nothing was known: readers may see it so many times more.
    pub repeats: u64,
    /// `sending`, `waiting`, `refused` or `sent`.
    pub state: String,
    /// What the server said last, or what was seen instead.
    pub answer: String,
    /// Recipients that were refused while others were not.
    pub refused: Vec<String>,
}

/// A message in the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What it is called by.
    pub id: MailId,
    /// Its `Message-ID`, without brackets.
    pub message_id: String,
    /// When it was sent.
    pub date: Timestamp,
    /// When it came into the mailbox.
    pub arrived: Timestamp,
    /// The message.
    pub message: Message,
}

impl Mail {
    /// Opens the mail of the component whose jobs they are: makes its tables, and declares the kind [`KIND`]. Nothing is
    /// sent before [`Jobs::start`].
    pub async fn open(jobs: &Jobs, config: Config) -> Result<Mail, Error> {
        if let Some(from) = &config.from {
            super::address::mailbox("from", from).map_err(|error| declared(error.to_string()))?;
        }
        let database = jobs.database();
        database.install("mail", &TABLES).await?;
        // What was cancelled between two attempts; sent ones go with time.
        let left = "delete from terrace_mail where state <> 'sent'
             and not exists (select 1 from terrace_jobs where terrace_jobs.id = terrace_mail.id)";
        database.execute(left, ()).await?;
        let env = jobs.inner.env.clone();
        let room: Result<(), database::Error> = database
            .transaction(async move |tx: &Transaction<'_>| make_room(tx, &env).await)
            .await;
        room?;
        let post = Arc::new(Post {
            env: jobs.inner.env.clone(),
            database: database.clone(),
            engine: config.engine.clone(),
            keep: jobs.inner.config.keep,
        });
        jobs.kind::<Payload>(KIND)
            .backoff(config.backoff)
            .longest(LONGEST)
            .run(move |cx: Cx, payload: Payload| {
                let post = post.clone();
                async move { post.deliver(&cx, payload).await }
            })?;
        Ok(Mail {
            jobs: jobs.clone(),
            mailbox: matches!(config.engine, Engine::Mailbox),
            from: config.from,
        })
    }

    /// Begins a message of the configured sender.
    pub fn draft(&self) -> Draft {
        Message::builder(self.from.clone().unwrap_or_default())
    }

    /// Sends a message, in the caller's own transaction: it goes if and only if the transaction is kept.
    pub async fn send(&self, tx: &Transaction<'_>, message: &Message) -> Result<MailId, database::Error> {
        self.send_with(tx, message, |job| job).await
    }

    /// Sends a message by a job to which `change` may give a time, a key by which it can be cancelled, and a priority:
    /// `mail.send_with(tx, &message, |job| job.at(due).key("todo-7"))`.
    pub async fn send_with(
        &self,
        tx: &Transaction<'_>,
        message: &Message,
        change: impl FnOnce(Job) -> Job,
    ) -> Result<MailId, database::Error> {
        let inner = &self.jobs.inner;
        let (id, now) = (JobId(inner.new_id()), Timestamp::from(inner.env.wall()));
        let message_id = format!("{id}@{}", domain(&message.fields().from));
        // What cannot be written is said to who wrote it, not to who looks at parked jobs.
        render(message, &message_id, now.0).map_err(unwritable)?;
        let payload: Payload = (id.0.to_string(), message_id, now.0, message.clone());
        let job = change(Job::new(KIND, &payload));
        if self.mailbox && job.is_due_at_once() {
            keep(tx, &inner.env, &payload, id).await?;
            return Ok(id);
        }
        self.jobs.enqueue_as(tx, id, job).await
    }

    /// Cancels messages by the key of their job, as [`Jobs::cancel`] does.
    pub async fn cancel(&self, tx: &Transaction<'_>, key: &str) -> Result<u64, database::Error> {
        self.jobs.cancel(tx, KIND, key).await
    }

    /// What is known of a message, once an attempt was begun and until some days after it was sent.
    pub async fn posted(&self, id: MailId) -> Result<Option<Posted>, database::Error> {
        let sql = "select message_id, attempts, repeats, state, answer, pending from terrace_mail where id = $1";
        self.database().query_optional(sql, (id.0,)).await
    }

    /// The latest messages of the mailbox, newest first, of [`MAILBOX_BYTES_MAX`] bytes together at most. It keeps the newest
    /// [`MAILBOX_MESSAGES_MAX`], for [`MAILBOX_KEEP`].
    pub async fn mailbox(&self, limit: u32) -> Result<Vec<Received>, database::Error> {
        let sql = "select id, message_id, dated, arrived, message from terrace_mailbox where number in (
                       select number from (
                           select number, sum(length(message)) over (order by number desc) as bytes
                           from terrace_mailbox order by number desc limit $1
                       ) as newest where bytes <= $2
                   ) order by number desc";
        self.database().query(sql, (limit, MAILBOX_BYTES_MAX)).await
    }

    /// A message of the mailbox.
    pub async fn message(&self, id: MailId) -> Result<Option<Received>, database::Error> {
        let sql = "select id, message_id, dated, arrived, message from terrace_mailbox where id = $1";
        self.database().query_optional(sql, (id.0,)).await
    }

    fn database(&self) -> &Database {
        self.jobs.database()
    }
}

impl FromRow for Posted {
    fn from_row(row: &mut Row) -> Result<Posted, database::Error> {
        let (attempts, repeats): (i64, i64) = (row.take("attempts")?, row.take("repeats")?);
        let pending: String = row.take("pending")?;
        Ok(Posted {
            message_id: row.take("message_id")?,
            attempts: attempts.unsigned_abs(),
            repeats: repeats.unsigned_abs(),
            state: row.take("state")?,
            answer: row.take("answer")?,
            refused: pending.lines().map(str::to_owned).collect(),
        })
    }
}

impl FromRow for Received {
    fn from_row(row: &mut Row) -> Result<Received, database::Error> {
        let bytes: Vec<u8> = row.take("message")?;
        let message = wire::decode(Codec::Tagged, &bytes, &Limits::default());
        Ok(Received {
            id: JobId(row.take("id")?),
            message_id: row.take("message_id")?,
            date: row.take("dated")?,
            arrived: row.take("arrived")?,
            message: message.map_err(|error| denied(format!("a message of the mailbox cannot be read: {error}")))?,
        })
    }
}

/// Puts a message into the mailbox, once. Each hundredth makes room.
pub(super) async fn keep(tx: &Transaction<'_>, env: &Env, payload: &Payload, id: JobId) -> Result<(), database::Error> {
    let (_, message_id, date, message) = payload;
    let mut bytes = Vec::new();
    wire::encode(Codec::Tagged, message, &mut bytes)
        .map_err(|error| denied(format!("the message cannot be written: {error}")))?;
    let sql = "insert into terrace_mailbox (id, message_id, dated, arrived, message) values ($1, $2, $3, :now, $4)
         on conflict (id) do nothing returning number";
    let values = vec![
        Value::Uuid(id.0),
        Value::Text(message_id.clone()),
        Value::Timestamp(Timestamp(*date)),
        Value::Bytes(bytes),
    ];
    let number: Vec<i64> = statement::query(tx, env, sql, values).await?;
    match number.first() {
        Some(number) if number % MAILBOX_LOOK_EVERY == 0 => make_room(tx, env).await,
        _ => Ok(()),
    }
}

/// Takes out of the mailbox what is too much or too old: nobody else does.
async fn make_room(tx: &Transaction<'_>, env: &Env) -> Result<(), database::Error> {
    let sql = "delete from terrace_mailbox
         where number <= (select max(number) from terrace_mailbox) - $1 or arrived < :later($2)";
    let values = vec![Value::Integer(MAILBOX_MESSAGES_MAX), statement::before(MAILBOX_KEEP)];
    statement::execute(tx, env, sql, values).await.map(drop)
}

/// The right side of a `Message-ID`: the sender's domain, where it can stand there.
fn domain(from: &str) -> &str {
    let domain = from.trim_end_matches('>').rsplit_once('@').map(|(_, domain)| domain);
    let plain = |domain: &&str| {
        let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        !domain.is_empty() && domain.len() <= 200 && domain.chars().all(letters)
    };
    // Nobody's (RFC 6761, section 6.4): the id on the left is unique by itself.
    domain.filter(plain).unwrap_or("mail.invalid")
}

fn unwritable(error: MessageError) -> database::Error {
    denied(error.to_string())
}
