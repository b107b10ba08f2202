//! A client of the JSON API, by HTTP/1.1 on the simulated network: a connection for each request.

use std::future::poll_fn;
use std::io::{Error, IoSlice, Result};

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::{Value, json};
use terrace::{Address, Env};
use uuid::Uuid;

use super::clients::{Answer, Promised, Wish};
use super::{PATIENCE, SITE};
use crate::hidden::Hidden;
use crate::todos::TodoError;

/// Bytes of an answer; a to-do or a reminder is far smaller.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Why there is no answer.
pub(super) enum Refused {
    /// Nobody knows whether it was done; it may be asked again.
    Unknown,
    /// It was refused, in these words.
    Said(String),
}

impl From<TodoError> for Refused {
    fn from(error: TodoError) -> Refused {
        match error {
            TodoError::Call(_) => Refused::Unknown,
            error => Refused::Said(error.to_string()),
        }
    }
}

pub(super) struct Api {
    env: Env,
    token: Hidden,
}

/// A reminder as the API shows it.
#[derive(Deserialize)]
struct Shown {
    id: Uuid,
    at: String,
}

impl Api {
    pub(super) fn new(env: &Env, token: Hidden) -> Api {
        let env = env.clone();
        Api { env, token }
    }

    /// Asks once. What makes something has a key, by which a repeat makes it no second time.
    pub(super) async fn ask(
        &self,
        number: u64,
        name: &str,
        id: Uuid,
        wish: Wish,
        repeated: bool,
    ) -> std::result::Result<Answer, Refused> {
        let (method, path, body) = match wish {
            Wish::Add => {
                let tags = [format!("tag-{}", number % 3)];
                let new = json!({ "title": format!("{number} new"), "tags": tags });
                ("POST", "/api/todos".to_owned(), new)
            }
            Wish::Title => {
                let change = json!({ "title": format!("{number} edited") });
                ("PATCH", format!("/api/todos/{id}"), change)
            }
            Wish::Done => ("PATCH", format!("/api/todos/{id}"), json!({ "done": true })),
            Wish::Delete => ("DELETE", format!("/api/todos/{id}"), Value::Null),
            Wish::Remind(at) => {
                let new = json!({ "at": at.to_string() });
                ("POST", format!("/api/todos/{id}/reminders"), new)
            }
            Wish::Undo => return Err(Refused::Said("the API takes nothing back".to_owned())),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nIdempotency-Key: {name}-{number}\r\n");
        let asked = self.env.timeout(PATIENCE, self.request(head, body)).await;
        let Ok(Ok((status, answer))) = asked else {
            return Err(Refused::Unknown);
        };
        match (status, wish) {
            (200 | 201, Wish::Remind(at)) => {
                let shown: Shown = read(&answer)?;
                // Its instant is the one that was asked for, or nobody would know when it comes.
                if shown.at != at.to_string() {
                    return Err(Refused::Said(format!("{} instead of {at}", shown.at)));
                }
                let id = shown.id;
                Ok(Answer::Reminder(Some(Promised { id, at })))
            }
            (422, Wish::Remind(_)) => Ok(Answer::Reminder(None)),
            (200 | 201, _) => Ok(Answer::Todo(read(&answer)?)),
            (204, Wish::Delete) => Ok(Answer::Deleted),
            // The first time it was done, and the answer lost.
            (404, Wish::Delete) if repeated => Ok(Answer::Deleted),
            (408 | 429 | 500.., _) => Err(Refused::Unknown),
            (status, _) => Err(Refused::Said(format!("{status}: {answer}"))),
        }
    }

    async fn request(&self, head: String, body: Value) -> Result<(u16, String)> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = format!(
            "{head}Host: {SITE}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token.reveal(),
            body.len()
        );
        let stream = self.env.network().connect(&Address::new(SITE)).await?;
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            let written = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(rest)])).await?;
            rest = rest.get(written..).unwrap_or_default();
        }
        let mut read = BytesMut::new();
        loop {
            read.reserve(4 << 10);
            if poll_fn(|cx| stream.poll_read(cx, &mut read)).await? == 0 {
                break;
            }
            if read.len() > ANSWER_BYTES_MAX {
                return Err(Error::other("a long answer"));
            }
        }
        parse(&String::from_utf8_lossy(&read)).ok_or_else(|| Error::other("half an answer"))
    }
}

/// Status and body, if all of it is there.
fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    (body.len() == length.unwrap_or(0)).then(|| (status, body.to_owned()))
}

fn read<T: for<'a> Deserialize<'a>>(answer: &str) -> std::result::Result<T, Refused> {
    serde_json::from_str(answer).map_err(|error| Refused::Said(format!("{error}: {answer}")))
}
