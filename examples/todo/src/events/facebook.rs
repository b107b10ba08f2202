//! A person's events on Facebook, by its Graph API. Where it is, is configuration: a test plays its part.
//!
//! | of Facebook's documentation | here |
//! |---|---|
//! | *Manually Build a Login Flow* | [`Facebook::dialog`], [`Facebook::exchange`] |
//! | *Long-Lived Access Tokens* | the second step of [`Facebook::exchange`] |
//! | *Paged Results* | `paging.next` is followed until there is none |
//! | *Handling Errors*, *Rate Limits* | [`Trouble`] |

use std::time::Duration;

use axum::http::header;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use terrace::database::Timestamp;
use terrace::{SecretReference, Setup, SetupError};

use super::calendar::{AHEAD, BACK, HAPPENINGS_MAX, instant};
use super::happening::{Happening, Read, title};
use crate::hidden::Hidden;
use crate::outgoing::{Answer, Outgoing, Request};

/// Pages of one person's events.
const PAGES_MAX: usize = 50;
/// Events of a page.
const PAGE_EVENTS: usize = 100;
/// Of what an application may use, in hundredths: whoever asks for more is refused from there on (*Rate Limits*).
const USAGE_MAX: u64 = 100;
/// How long it is left alone where it does not say for how long.
const WAIT_DEFAULT: Duration = Duration::from_secs(3600);
/// How long it is left alone at most, whatever it says.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);
/// What is read of an event.
const FIELDS: &str = "id,name,start_time,is_canceled,event_times";
/// What a person allows.
const SCOPE: &str = "user_events";

/// `facebook` in the configuration of `Events`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The id of the application, as Facebook has given it.
    app: String,
    /// Its secret.
    secret: SecretReference,
    #[serde(default = "graph")]
    graph: String,
    #[serde(default = "dialog")]
    dialog: String,
}

fn graph() -> String {
    "https://graph.facebook.com/v23.0".to_owned()
}

fn dialog() -> String {
    "https://www.facebook.com/v23.0/dialog/oauth".to_owned()
}

/// Facebook, as this application is known to it.
pub(super) struct Facebook {
    outgoing: Outgoing,
    app: String,
    secret: Hidden,
    graph: String,
    dialog: String,
    /// Where a person comes back to.
    back: String,
}

/// Why there are no events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The person has to connect it again.
    Disconnected(String),
    /// It wants to be left alone.
    Wait(Duration),
    /// Anything else.
    Failing(String),
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Event>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Default, Deserialize)]
struct Paging {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(default)]
    name: String,
    start_time: Option<String>,
    #[serde(default)]
    is_canceled: bool,
    /// Of an event that happens several times.
    #[serde(default)]
    event_times: Vec<Time>,
}

#[derive(Deserialize)]
struct Time {
    id: String,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: Said,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: i64,
}

impl Facebook {
    pub(super) fn open(setup: &Setup, config: Config, outgoing: &Outgoing) -> Result<Facebook, SetupError> {
        Ok(Facebook {
            outgoing: outgoing.clone(),
            app: config.app,
            secret: Hidden::new(setup.secret(&config.secret)?.reveal()),
            graph: config.graph.trim_end_matches('/').to_owned(),
            dialog: config.dialog,
            back: format!("{}/sources/facebook/back", setup.public_url()),
        })
    }

    /// Where a person allows it.
    pub(super) fn dialog(&self, state: &str) -> String {
        let query = query(&[
            ("client_id", &self.app),
            ("redirect_uri", &self.back),
            ("state", state),
            ("scope", SCOPE),
            ("response_type", "code"),
        ]);
        format!("{}?{query}", self.dialog)
    }

    /// The token for the code that a person came back with, one that lasts if there is one.
    pub(super) async fn exchange(&self, code: &Hidden) -> Result<Hidden, Trouble> {
        let short: Token = self
            .ask(&self.token_url(&[("redirect_uri", &self.back), ("code", code.reveal())]))
            .await?;
        let long = self.token_url(&[
            ("grant_type", "fb_exchange_token"),
            ("fb_exchange_token", &short.access_token),
        ]);
        let token = match self.ask::<Token>(&long).await {
            Ok(long) => long.access_token,
            Err(_) => short.access_token,
        };
        Ok(Hidden::new(token))
    }

    fn token_url(&self, more: &[(&str, &str)]) -> String {
        let whose = [
            ("client_id", self.app.as_str()),
            ("client_secret", self.secret.reveal()),
        ];
        format!("{}/oauth/access_token?{}", self.graph, query(&[&whose, more].concat()))
    }

    /// The events of whoever's token it is.
    pub(super) async fn events(&self, token: &Hidden, now: Timestamp, home: Tz) -> Result<Read, Trouble> {
        let limit = PAGE_EVENTS.to_string();
        let first = query(&[("fields", FIELDS), ("limit", &limit), ("access_token", token.reveal())]);
        let mut next = Some(format!("{}/me/events?{first}", self.graph));
        let mut read = Read {
            until: now.after(AHEAD),
            ..Read::default()
        };
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { break };
            let (page, answer): (Page, Answer) = self.answered(&url).await?;
            for event in page.data {
                take(&mut read, event, now, home);
            }
            next = page.paging.next.map(|next| self.following(next, token)).transpose()?;
            if next.is_some() && is_used_up(&answer) {
                return Err(Trouble::Wait(wait(&answer)));
            }
        }
        // Where not all pages were read, what is missing is not cancelled.
        if next.is_some() {
            read.until = now;
        }
        read.happenings.sort_by_key(|happening| happening.start);
        if let Some(first) = read.happenings.get(HAPPENINGS_MAX) {
            read.until = read.until.min(first.start);
            read.happenings.truncate(HAPPENINGS_MAX);
        }
        Ok(read)
    }

    /// The next page; a token goes nowhere but to the Graph API.
    fn following(&self, next: String, token: &Hidden) -> Result<String, Trouble> {
        let end = self.graph.find("://").map_or(0, |scheme| scheme + 3);
        let origin = self.graph[end..].find('/').map_or(self.graph.len(), |path| end + path);
        let rest = next.strip_prefix(&self.graph[..origin]);
        if !rest.is_some_and(|rest| rest.starts_with('/')) {
            return Err(Trouble::Failing(
                "Facebook names a next page that is not its own".to_owned(),
            ));
        }
        match next.contains("access_token=") {
            true => Ok(next),
            false => {
                let joint = if next.contains('?') { '&' } else { '?' };
                Ok(format!("{next}{joint}{}", query(&[("access_token", token.reveal())])))
            }
        }
    }

    async fn ask<T: DeserializeOwned>(&self, url: &str) -> Result<T, Trouble> {
        self.answered(url).await.map(|(said, _)| said)
    }

    async fn answered<T: DeserializeOwned>(&self, url: &str) -> Result<(T, Answer), Trouble> {
        let request = Request::get().with(header::ACCEPT, "application/json");
        let answer = self.outgoing.ask_trusted(url, &request).await;
        let answer = answer.map_err(|refusal| Trouble::Failing(format!("Facebook: {refusal}")))?;
        if let Ok(failure) = serde_json::from_slice::<Failure>(&answer.body) {
            return Err(trouble(&answer, &failure.error));
        }
        if !answer.status.is_success() {
            let nothing = Said {
                message: format!("it answered {}", answer.status),
                code: 0,
            };
            return Err(trouble(&answer, &nothing));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(said) => Ok((said, answer)),
            Err(error) => Err(Trouble::Failing(format!(
                "Facebook answered what is not understood: {error}"
            ))),
        }
    }
}

/// What an error means (*Handling Errors*; *Rate Limits*).
fn trouble(answer: &Answer, said: &Said) -> Trouble {
    let message: String = title(&said.message).chars().take(200).collect();
    match said.code {
        4 | 17 | 32 | 613 | 80_000..=80_014 => Trouble::Wait(wait(answer)),
        _ if answer.status.as_u16() == 429 => Trouble::Wait(wait(answer)),
        // Expired, revoked, or not allowed any more.
        102 | 190 | 10 | 200..=299 => Trouble::Disconnected(format!("connect Facebook again: {message}")),
        code => Trouble::Failing(format!("Facebook: {message} (code {code})")),
    }
}

fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the next request would be one too many, as far as the answer says: `X-App-Usage` has the percentages of calls and
/// times that the application has used.
fn is_used_up(answer: &Answer) -> bool {
    let usage = field(answer, "x-app-usage").and_then(|usage| serde_json::from_str::<serde_json::Value>(usage).ok());
    let parts = usage.as_ref().and_then(serde_json::Value::as_object);
    parts.is_some_and(|parts| {
        parts
            .values()
            .filter_map(serde_json::Value::as_u64)
            .any(|part| part >= USAGE_MAX)
    })
}

/// For how long it wants to be left alone.
fn wait(answer: &Answer) -> Duration {
    let after = field(answer, "retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let minutes = || {
        let usage: serde_json::Value = serde_json::from_str(field(answer, "x-business-use-case-usage")?).ok()?;
        let each = usage.as_object()?.values().filter_map(|uses| uses.as_array()).flatten();
        let each = each.filter_map(|one| one["estimated_time_to_regain_access"].as_u64());
        each.max().filter(|minutes| *minutes > 0)
    };
    let wait = after
        .map(Duration::from_secs)
        .or_else(|| minutes().map(|minutes| Duration::from_secs(minutes.saturating_mul(60))));
    wait.unwrap_or(WAIT_DEFAULT).min(WAIT_MAX)
}

fn take(read: &mut Read, event: Event, now: Timestamp, home: Tz) {
    let since = now.before(BACK);
    let one = |recurrence: String, start: Option<&str>| {
        let start = start.and_then(|start| time(start, home))?;
        let in_time = start >= since && start <= now.after(AHEAD);
        in_time.then(|| Happening {
            uid: event.id.clone(),
            recurrence,
            title: title(&event.name),
            start,
            is_cancelled: event.is_canceled,
        })
    };
    if event.event_times.is_empty() {
        read.happenings.extend(one(String::new(), event.start_time.as_deref()));
    }
    for each in &event.event_times {
        read.happenings.extend(one(each.id.clone(), each.start_time.as_deref()));
    }
}

/// `2027-03-28T19:00:00+0200`, or a day.
fn time(text: &str, home: Tz) -> Option<Timestamp> {
    let offset = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").or_else(|_| DateTime::parse_from_rfc3339(text));
    if let Ok(time) = offset {
        return Some(Timestamp::from_micros(time.timestamp_micros()));
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok();
    let local = local.or_else(|| {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(NaiveTime::MIN))
    });
    local.and_then(|local| instant(local, home))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    query.finish()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode};
    use bytes::Bytes;
    use chrono_tz::Tz;

    use super::{Answer, Duration, Said, Trouble, time, trouble};

    fn answered(status: u16, headers: &[(&'static str, &str)], code: i64) -> Trouble {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: map,
            body: Bytes::new(),
        };
        let said = Said {
            message: "so it is".to_owned(),
            code,
        };
        trouble(&answer, &said)
    }

    #[test]
    fn each_error_means_what_is_documented() {
        for code in [4, 17, 32, 613] {
            assert_eq!(
                answered(400, &[], code),
                Trouble::Wait(Duration::from_secs(3600)),
                "{code}"
            );
        }
        assert_eq!(
            answered(429, &[("retry-after", "7")], 0),
            Trouble::Wait(Duration::from_secs(7))
        );
        let usage = r#"{"1":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":19}]}"#;
        let waits = answered(400, &[("x-business-use-case-usage", usage)], 80_001);
        assert_eq!(waits, Trouble::Wait(Duration::from_secs(19 * 60)));
        assert_eq!(
            answered(400, &[], 190),
            Trouble::Disconnected("connect Facebook again: so it is".to_owned())
        );
        assert!(matches!(answered(500, &[], 2), Trouble::Failing(_)));
    }

    #[test]
    fn times_are_those_of_their_offset() {
        for (text, utc) in [
            ("2027-03-28T19:00:00+0200", Some("2027-03-28T17:00:00.000000Z")),
            ("2027-07-01", Some("2027-06-30T22:00:00.000000Z")),
            ("soon", None),
        ] {
            let time = time(text, Tz::Europe__Berlin).map(|time| time.to_string());
            assert_eq!(time.as_deref(), utc, "{text}");
        }
    }
}
