//! One attempt to send a message, and the notes that tell the next one what is known of it.

use std::time::Duration;

use component::Cx;
use database::{Database, Error, Transaction, Value};
use world::Env;

use super::post::{Engine, keep};
use super::{Accepted, Carrier, Message, RefusedRecipient, Rendered, SendError, render};
use crate::enqueue::JobId;
use crate::error::JobError;
use crate::{statement, store};

/// What waits after a note that the database did not take.
const AGAIN: Duration = Duration::from_millis(200);

/// What a job carries: id, `Message-ID`, date in microseconds since 1970, message.
pub(super) type Payload = (String, String, i64, Message);

/// Who sends.
pub(super) struct Post {
    pub(super) env: Env,
    pub(super) database: Database,
    pub(super) engine: Engine,
    /// How long it is known of a message that it was sent.
    pub(super) keep: Duration,
}

/// What the notes say when an attempt begins.
enum Begun {
    /// It is the attempt of this number, for these recipients, or for all.
    Attempt { number: i64, only: Option<String> },
    /// The server has it already.
    Sent,
    /// The job is cancelled, or somebody else's already.
    NotOurs,
}

/// What is noted at the end of an attempt.
struct Note {
    state: &'static str,
    answer: String,
    /// Recipients to be asked again; nothing changes where there is none.
    pending: Option<String>,
}

impl Post {
    /// The handler of the kind.
    pub(super) async fn deliver(&self, _cx: &Cx, payload: Payload) -> Result<(), JobError> {
        let id: JobId = payload.0.parse().map_err(JobError::fail)?;
        match &self.engine {
            Engine::Mailbox => {
                let (env, kept) = (self.env.clone(), payload);
                let stored: Result<(), Error> = self
                    .database
                    .transaction(async move |tx: &Transaction<'_>| keep(tx, &env, &kept, id).await)
                    .await;
                Ok(stored?)
            }
            Engine::Carrier(carrier) => self.send(carrier.as_ref(), id, &payload).await,
        }
    }

    async fn send(&self, carrier: &dyn Carrier, id: JobId, payload: &Payload) -> Result<(), JobError> {
        let (_, message_id, date, message) = payload;
        let mut mail = render(message, message_id, *date).map_err(JobError::fail)?;
        let number = match self.begin(id, message_id).await? {
            Begun::Sent => return Ok(()),
            Begun::NotOurs => return Err(JobError::retry("the job is not this worker's any more")),
            Begun::Attempt { number, only } => {
                if let Some(only) = only {
                    mail = mail.only(only.lines());
                }
                number
            }
        };
        let answer = carrier.send(&self.env, &mail).await;
        let (note, outcome) = judged(answer, &mail);
        self.end(id, number, note).await?;
        outcome
    }

    /// Notes that an attempt begins, before the server hears of it.
    async fn begin(&self, id: JobId, message_id: &str) -> Result<Begun, Error> {
        let (env, name) = (self.env.clone(), message_id.to_owned());
        let begun: Result<(Begun, bool), Error> = self
            .database
            .transaction(async move |tx: &Transaction<'_>| {
                let running = "select count(*) from terrace_jobs where id = $1 and state = 'running'";
                if tx.query_one::<i64>(running, (id.0,)).await? == 0 {
                    return Ok((Begun::NotOurs, false));
                }
                let noted = "select attempts, state, pending from terrace_mail where id = $1";
                let noted: Option<(i64, String, String)> = tx.query_optional(noted, (id.0,)).await?;
                let (attempts, state, pending) = noted.unwrap_or_default();
                if state == "sent" {
                    return Ok((Begun::Sent, false));
                }
                let repeated = state == "sending";
                let number = attempts + 1;
                let sql = "insert into terrace_mail (id, message_id, attempts, repeats, state, noted)
                     values ($1, $2, $3, 0, 'sending', :now)
                     on conflict (id) do update set attempts = $3, repeats = terrace_mail.repeats + $4,
                         state = 'sending', noted = excluded.noted";
                let values = vec![
                    Value::Uuid(id.0),
                    Value::Text(name.clone()),
                    Value::Integer(number),
                    Value::Integer(repeated.into()),
                ];
                statement::execute(tx, &env, sql, values).await?;
                let only = (!pending.is_empty()).then_some(pending);
                Ok((Begun::Attempt { number, only }, repeated))
            })
            .await;
        let (begun, repeated) = begun?;
        if repeated {
            let component = self.database.component();
            tracing::warn!(
                target: "terrace::mail", component, %id, message_id,
                "a message is sent again, and nothing is known of the attempt before: its readers may see it twice"
            );
        }
        Ok(begun)
    }

    /// Notes what came of an attempt, again and again: without the note the message is sent once more.
    async fn end(&self, id: JobId, number: i64, note: Note) -> Result<(), JobError> {
        loop {
            match self.noted(id, number, &note).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(JobError::retry("another attempt has begun meanwhile")),
                Err(error) if error.is_transient() => self.env.sleep(AGAIN).await,
                Err(error) => return Err(JobError::retry(error)),
            }
        }
    }

    /// Answers whether the attempt is the latest one still.
    async fn noted(&self, id: JobId, number: i64, note: &Note) -> Result<bool, Error> {
        let (env, keep) = (self.env.clone(), self.keep);
        let values = vec![
            Value::Uuid(id.0),
            Value::Integer(number),
            Value::Text(note.state.to_owned()),
            Value::Text(store::shortened(&note.answer)),
            note.pending.clone().map_or(Value::Null, Value::Text),
        ];
        let is_sent = note.state == "sent";
        self.database
            .transaction(async move |tx: &Transaction<'_>| {
                let sql =
                    "update terrace_mail set state = $3, answer = $4, pending = coalesce($5, pending), noted = :now
                     where id = $1 and attempts = $2";
                let changed = statement::execute(tx, &env, sql, values.clone()).await?;
                if is_sent {
                    let old = "delete from terrace_mail where state = 'sent' and noted < :later($1)";
                    statement::execute(tx, &env, old, vec![statement::before(keep)]).await?;
                }
                Ok(changed > 0)
            })
            .await
    }
}

/// What is noted, and what becomes of the job.
fn judged(answer: Result<Accepted, SendError>, mail: &Rendered) -> (Note, Result<(), JobError>) {
    let note = |state, answer: String, pending| Note { state, answer, pending };
    match answer {
        Ok(Accepted { text, refused }) if refused.is_empty() => (note("sent", text, None), Ok(())),
        Ok(Accepted { text, refused }) => {
            let words: Vec<String> = refused.iter().map(worded).collect();
            let others = mail.envelope_to.len() - refused.len();
            let why = format!("{others} recipients have it, others were refused: {}", words.join("; "));
            let addresses: Vec<&str> = refused.iter().map(|one| one.address.as_str()).collect();
            let pending = Some(addresses.join("\n"));
            match refused.iter().all(|one| one.permanent) {
                true => (note("refused", text, pending), Err(JobError::Fail(why))),
                false => (note("waiting", text, pending), Err(JobError::Retry(why))),
            }
        }
        Err(error) => {
            let words = error.to_string();
            match error {
                SendError::Refused { permanent: true, .. } => {
                    (note("refused", words.clone(), None), Err(JobError::Fail(words)))
                }
                SendError::Refused { .. } | SendError::Unreachable { .. } => {
                    (note("waiting", words.clone(), None), Err(JobError::Retry(words)))
                }
                SendError::Unknown { .. } => (note("sending", words.clone(), None), Err(JobError::Retry(words))),
            }
        }
    }
}

fn worded(refused: &RefusedRecipient) -> String {
    let RefusedRecipient {
        address, code, text, ..
    } = refused;
    format!("`{address}` with {code}: {text}")
}
