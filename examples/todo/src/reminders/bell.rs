//! Reminders in a database: the module of [`Reminders`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use terrace::database::{Database, Error, FromRow, FromValue, Mismatch, Row, Timestamp, ToValue, Transaction, Value};
use terrace::jobs::Jobs;
use terrace::{Cx, Ref, Setup, SetupError};
use uuid::Uuid;

use super::ring::{self, Ringing};
use super::{AHEAD_DAYS_MAX, LIST_MAX, REMINDERS_MAX, Reminder, ReminderError, Reminders, State, follow};
use crate::recorded;
use crate::todos::{Todo, TodoError, Todos};

/// Reminders in a database.
pub struct Bell {
    db: Database,
    jobs: Jobs,
    todos: Ref<dyn Todos>,
}

/// How often a to-do is asked for that changes all the time.
const ASKED_MAX: u32 = 5;

impl Bell {
    /// Needs a database, jobs, mail, and whoever knows to-dos and people.
    pub async fn open(setup: &Setup) -> Result<Bell, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/reminders")).await?;
        let jobs = setup.jobs(&db).await?;
        let todos: Ref<dyn Todos> = setup.reference();
        ring::declare(Ringing {
            db: db.clone(),
            mail: setup.mail(&jobs).await?,
            jobs: jobs.clone(),
            todos: todos.clone(),
            accounts: setup.reference(),
            url: setup.public_url(),
        })?;
        Ok(Bell { db, jobs, todos })
    }

    /// Asks for the to-do, which is followed from before that on: what changes while it is asked is not missed.
    async fn ask(
        &self,
        cx: &Cx,
        owner: Uuid,
        todo: Uuid,
    ) -> Result<(Result<Todo, TodoError>, Option<i64>), ReminderError> {
        let seen = follow::version(&self.db, owner, todo).await?;
        Ok((self.todos.get(cx, owner, todo).await, seen))
    }

    /// Adds a reminder of how the to-do stands now, with the digest of what was asked; or says that it was told of a change
    /// meanwhile.
    async fn added(
        &self,
        cx: &Cx,
        owner: Uuid,
        (id, digest): (Uuid, Uuid),
        (todo, at, now): (Uuid, Timestamp, Timestamp),
    ) -> Result<(Uuid, Reminder), ReminderError> {
        let (asked, seen) = self.ask(cx, owner, todo).await?;
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                // In here, so that a repeat gets the first answer whatever has become of the to-do, or of the time.
                let open = !asked.clone().map_err(refused)?.done;
                let reminder = Reminder {
                    id,
                    todo,
                    at: to_come(at, now)?,
                    state: if open { State::Waiting } else { State::Suspended },
                };
                // Told meanwhile of a change that the answer may not have; or forgotten, and nobody would be told any more.
                let told = follow::version_within(tx, owner, todo).await?;
                if told.is_none() || told != seen {
                    return Err(follow::again());
                }
                let sql = "select count(*) from reminders where owner = $1 and todo = $2";
                let count: i64 = tx.query_one(sql, (owner, todo)).await?;
                if count >= REMINDERS_MAX {
                    return Err(ReminderError::Full);
                }
                insert(tx, owner, std::slice::from_ref(&reminder)).await?;
                ring::enqueue(tx, &jobs, owner, &reminder).await?;
                Ok((digest, reminder))
            })
            .await
    }
}

impl Reminders for Bell {
    async fn add(&self, cx: &Cx, owner: Uuid, todo: Uuid, at: Timestamp) -> Result<Reminder, ReminderError> {
        let digest = recorded::digest(&(owner, todo, at))?;
        let now = Timestamp::from(cx.env().wall());
        let id = recorded::new_id(cx.env());
        // What is not there yet is noted by who asks for it, so that nobody fills the table with what never was.
        if follow::version(&self.db, owner, todo).await?.is_none() && self.todos.get(cx, owner, todo).await.is_ok() {
            follow::begin(&self.db, owner, todo).await?;
        }
        let mut attempt = 1;
        let recorded = loop {
            match self.added(cx, owner, (id, digest), (todo, at, now)).await {
                Err(error) if error == follow::again() && attempt < ASKED_MAX => attempt += 1,
                other => break other?,
            }
        };
        match recorded {
            (of, reminder) if of == digest => Ok(reminder),
            _ => Err(ReminderError::Reused),
        }
    }

    async fn list(&self, _: &Cx, owner: Uuid, todos: Vec<Uuid>) -> Result<Vec<Reminder>, ReminderError> {
        if todos.len() > LIST_MAX {
            return Err(too_many("todos", todos.len()));
        }
        if todos.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = vec![owner.to_value()];
        values.extend(todos.iter().map(ToValue::to_value));
        let places: Vec<String> = (2..=values.len()).map(|number| format!("${number}")).collect();
        let sql = format!(
            "select id, todo, at, state from reminders where owner = $1 and todo in ({}) order by at, id",
            places.join(", ")
        );
        Ok(self.db.query(&sql, values).await?)
    }

    async fn remove(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), ReminderError> {
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = "delete from reminders where owner = $1 and id = $2";
                if tx.execute(sql, (owner, id)).await? == 0 {
                    return Err(ReminderError::Unknown);
                }
                ring::cancel(tx, &jobs, owner, id).await?;
                Ok(())
            })
            .await
    }

    async fn follow(&self, cx: &Cx, owner: Uuid, todo: Uuid, open: bool, version: i64) -> Result<(), ReminderError> {
        let (now, jobs) = (Timestamp::from(cx.env().wall()), self.jobs.clone());
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                follow::told(tx, &jobs, (owner, todo), open, version, now).await
            })
            .await
    }

    async fn import(&self, cx: &Cx, owner: Uuid, reminders: Vec<Reminder>) -> Result<u64, ReminderError> {
        let reminders = importable(reminders, Timestamp::from(cx.env().wall()))?;
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let new = insert(tx, owner, &reminders).await?;
                let mut counts: BTreeMap<Uuid, i64> = BTreeMap::new();
                for reminder in reminders.iter().filter(|reminder| new.contains(&reminder.id)) {
                    counts.entry(reminder.todo).or_default();
                    if reminder.state != State::Sent {
                        ring::enqueue(tx, &jobs, owner, reminder).await?;
                    }
                }
                for (todo, count) in &mut counts {
                    follow::begin_within(tx, owner, *todo).await?;
                    let sql = "select count(*) from reminders where owner = $1 and todo = $2";
                    *count = tx.query_one(sql, (owner, *todo)).await?;
                }
                if counts.values().any(|count| *count > REMINDERS_MAX) {
                    return Err(ReminderError::Full);
                }
                Ok(new.len() as u64)
            })
            .await
    }

    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), ReminderError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                // Their jobs find nothing when they run.
                tx.execute("delete from reminders where owner = $1", (owner,)).await?;
                tx.execute("delete from followed where owner = $1", (owner,)).await?;
                Ok(())
            })
            .await
    }
}

impl FromRow for Reminder {
    fn from_row(row: &mut Row) -> Result<Reminder, Error> {
        Ok(Reminder {
            id: row.take("id")?,
            todo: row.take("todo")?,
            at: row.take("at")?,
            state: row.take("state")?,
        })
    }
}

impl FromValue for State {
    const WANTED: &'static str = "state of a reminder";

    fn from_value(value: Value) -> Result<State, Mismatch> {
        match &value {
            Value::Text(word) if word == "waiting" => Ok(State::Waiting),
            // One whose time has come while its to-do was not open is `skipped`: no job of it is left.
            Value::Text(word) if word == "suspended" || word == "skipped" => Ok(State::Suspended),
            Value::Text(word) if word == "sent" => Ok(State::Sent),
            other => Err(Mismatch::of(other, State::WANTED)),
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Suspended => "suspended",
            State::Sent => "sent",
        }
    }
}

/// Adds those whose ids are not there yet, and answers these ids.
async fn insert(tx: &Transaction<'_>, owner: Uuid, reminders: &[Reminder]) -> Result<BTreeSet<Uuid>, Error> {
    let mut new = BTreeSet::new();
    for reminder in reminders {
        let sql = "insert into reminders (owner, id, todo, at, state) values ($1, $2, $3, $4, $5)
                   on conflict (owner, id) do nothing";
        let values = (owner, reminder.id, reminder.todo, reminder.at, reminder.state.word());
        if tx.execute(sql, values).await? > 0 {
            new.insert(reminder.id);
        }
    }
    Ok(new)
}

/// The time of a new reminder.
fn to_come(at: Timestamp, now: Timestamp) -> Result<Timestamp, ReminderError> {
    let last = now.after(Duration::from_secs(AHEAD_DAYS_MAX * 24 * 3600));
    let reason = if at <= now {
        "it is over; choose a time to come"
    } else if at > last {
        "it is more than 10 years ahead; choose an earlier time"
    } else {
        return Ok(at);
    };
    Err(ReminderError::Invalid {
        field: "at".to_owned(),
        reason: reason.to_owned(),
    })
}

/// Reminders of an export, as of `now`.
fn importable(mut reminders: Vec<Reminder>, now: Timestamp) -> Result<Vec<Reminder>, ReminderError> {
    if reminders.len() > LIST_MAX {
        return Err(too_many("reminders", reminders.len()));
    }
    for reminder in &mut reminders {
        match to_come(reminder.at, now) {
            // What cannot be written is no time.
            Err(_) if reminder.at <= now && reminder.at >= Timestamp::MIN => reminder.state = State::Sent,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(reminders)
}

fn too_many(field: &str, count: usize) -> ReminderError {
    ReminderError::Invalid {
        field: field.to_owned(),
        reason: format!("there are {count}; send {LIST_MAX} at a time"),
    }
}

fn refused(error: TodoError) -> ReminderError {
    match error {
        TodoError::Call(error) => ReminderError::Call(error),
        _ => ReminderError::Unknown,
    }
}
