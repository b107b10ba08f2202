//! A calendar that a test offers by its address, and changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::client::{Client, until};
use crate::played::{Asked, Played, Reply};

/// The zone of its weekly event.
pub(crate) const ZONE: Tz = Tz::Europe__Berlin;

/// What makes the application ask often, and a server on this machine.
pub(crate) const OFTEN: [&str; 4] = [
    "--set",
    "feeds.allow=127.0.0.1",
    "--set",
    "components.Events.config.every_ms=100",
];

/// What the calendar says.
#[derive(Default)]
struct Said {
    text: String,
    version: u64,
    /// Whether it tells who has the latest that nothing has changed.
    is_conditional: bool,
}

/// The calendar.
pub(crate) struct Feed {
    pub(crate) played: Played,
    said: Arc<Mutex<Said>>,
}

impl Feed {
    pub(crate) fn open() -> Feed {
        let said: Arc<Mutex<Said>> = Arc::new(Mutex::new(Said {
            is_conditional: true,
            ..Said::default()
        }));
        let own = said.clone();
        let played = Played::open(move |asked| answer(asked, &locked(&own)));
        Feed { played, said }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/work.ics", self.played.address)
    }

    /// Says something else from now on: the lines between the first and the last one.
    pub(crate) fn say(&self, lines: &[String]) {
        let mut said = locked(&self.said);
        let lines = lines.join("\n");
        let lines = lines.trim().replace('\n', "\r\n");
        said.text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Work\r\n{lines}\r\nEND:VCALENDAR\r\n");
        said.version += 1;
    }

    /// Says all of it again, whoever has it.
    pub(crate) fn always_whole(&self) {
        locked(&self.said).is_conditional = false;
    }

    /// How often it was asked.
    pub(crate) fn polls(&self) -> usize {
        self.played.asked("/work.ics").len()
    }

    /// Waits until it was read so often from now on, each time to its end.
    pub(crate) fn polled(&self, times: usize) {
        // Of what is asked now the answer may be an earlier one, and of the last one it is not known what came of it.
        let enough = self.polls() + times + 2;
        until("polls", || (self.polls() >= enough).then_some(()));
    }
}

fn locked(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(asked: &Asked, said: &Said) -> Reply {
    let etag = format!("\"v{}\"", said.version);
    let modified = format!("Mon, 04 Jan 2027 10:00:{:02} GMT", said.version);
    // RFC 9110, section 13.2.2: the date counts for whoever has no tag.
    let is_same = match asked.header("if-none-match") {
        Some(known) => known == etag,
        None => asked.header("if-modified-since") == Some(&modified),
    };
    let reply = match is_same && said.is_conditional {
        true => Reply::new(304, ""),
        false => Reply::new(200, said.text.clone()).with("content-type", "text/calendar"),
    };
    reply.with("etag", etag).with("last-modified", modified)
}

/// An event of the calendar.
pub(crate) fn event(uid: &str, title: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20270101T000000Z\nSUMMARY:{title}\n{lines}\nEND:VEVENT")
}

/// A time on the clock of [`ZONE`], as a calendar writes it.
pub(crate) fn local(time: NaiveDateTime) -> String {
    format!(";TZID={ZONE}:{}", time.format("%Y%m%dT%H%M%S"))
}

/// When that is.
pub(crate) fn instant(time: NaiveDateTime) -> DateTime<Utc> {
    ZONE.from_local_datetime(&time)
        .earliest()
        .expect("no clock skips it")
        .to_utc()
}

/// 18:00 of a day soon, on the clock of [`ZONE`].
pub(crate) fn evening(client: &Client) -> NaiveDateTime {
    let day = now(client).with_timezone(&ZONE).date_naive() + TimeDelta::days(2);
    day.and_hms_opt(18, 0, 0).expect("a time")
}

/// What the clock of the application says.
pub(crate) fn now(client: &Client) -> DateTime<Utc> {
    let added = client.post("/api/todos", &json!({ "title": "a clock" })).is(201).json();
    client.delete(&format!("/api/todos/{}", text(&added["id"]))).is(204);
    time(&added["created_at"])
}

pub(crate) fn time(value: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text(value)).expect("RFC 3339").to_utc()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Adds a source, and answers what the API shows of it.
pub(crate) fn add(client: &Client, url: &str) -> Value {
    client.post("/api/sources", &json!({ "url": url })).is(201).json()
}

/// Waits until a source stands so.
pub(crate) fn stands(client: &Client, source: &Value, state: &str) -> Value {
    let one = format!("/api/sources/{}", text(&source["id"]));
    until(&format!("{state}: {source}"), || {
        let shown = client.get(&one).is(200).json();
        (shown["state"] == state).then_some(shown)
    })
}

/// Each to-do: title, when it is due, id; the earliest first.
pub(crate) fn todos(client: &Client) -> Vec<(DateTime<Utc>, String, String)> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/todos?limit=200{after}")).is(200).json();
        let todos = page["todos"].as_array().expect("a list").iter();
        all.extend(todos.map(|todo| {
            assert_eq!(todo["tags"], json!(["event"]), "{todo}");
            (
                time(&todo["due"]),
                text(&todo["title"]).to_owned(),
                text(&todo["id"]).to_owned(),
            )
        }));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    all.sort();
    all
}

/// What of to-dos is to be compared: when, and what.
pub(crate) fn said(todos: &[(DateTime<Utc>, String, String)]) -> Vec<(DateTime<Utc>, String)> {
    todos.iter().map(|(due, title, _)| (*due, title.clone())).collect()
}
