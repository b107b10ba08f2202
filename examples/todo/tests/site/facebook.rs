//! Facebook, whose part a test plays with the shapes of its documentation.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header;
use serde_json::json;
use servers::Postgres;
use terrace::Env;
use terrace::database::Timestamp;

use crate::pages::Browser;
use crate::played::{Asked, Played, Reply};
use crate::sources::{OFTEN, rows, shows};
use crate::visit::{Answer, PASSWORD, visit_configured};

const APP: &str = "2718281828";
const SECRET: &str = "secret-of-the-application";
/// Of one hour, and of sixty days.
const SHORT: &str = "EAAB-short-lived-token";
const LONG: &str = "EAAB-long-lived-token";
/// What a person brings back from it.
const CODE: &str = "AQB-code";

/// How it is disposed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Expired,
    /// *Application request limit reached*, for an hour.
    Limited,
    /// 429, for a second.
    Busy,
    /// It answers the first page, with which all is used up.
    UsedUp,
    /// What it answers is not its own, or not of this kind.
    Foreign,
    Nonsense,
    Endless,
    Silent,
}

/// Facebook, as it is played.
struct Facebook {
    played: Played,
    mood: Arc<Mutex<Mood>>,
}

impl Facebook {
    fn open() -> Facebook {
        let mood = Arc::new(Mutex::new(Mood::Well));
        let own = mood.clone();
        let now = Timestamp::from(Env::production("test").wall());
        let played = Played::open(move |asked| {
            let mood = *own.lock().unwrap_or_else(PoisonError::into_inner);
            answer(asked, mood, now)
        });
        Facebook { played, mood }
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    fn configuration(&self) -> String {
        let address = &self.played.address;
        format!(
            "{OFTEN}key = \"what all replicas seal by, 32 bytes\"\n[components.Events.config.facebook]\napp = \"{APP}\"\nsecret = \"{SECRET}\"\n\
             graph = \"http://{address}/v23.0\"\ndialog = \"http://{address}/v23.0/dialog/oauth\"\n"
        )
    }
}

fn answer(asked: &Asked, mood: Mood, now: Timestamp) -> Reply {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is = |name: &str, value: &str| query.get(name).is_some_and(|found| found == value);
    match path {
        "/v23.0/oauth/access_token" => {
            let is_app = is("client_id", APP) && is("client_secret", SECRET);
            let back = query
                .get("redirect_uri")
                .is_some_and(|to| to.ends_with("/sources/facebook/back"));
            match is_app {
                true if back && is("code", CODE) => token(SHORT, 5_400),
                true if is("grant_type", "fb_exchange_token") && is("fb_exchange_token", SHORT) => {
                    token(LONG, 5_183_944)
                }
                _ => error(400, 100, "This authorization code has been used."),
            }
        }
        "/v23.0/me/events" if !is("access_token", LONG) => error(400, 190, "Invalid OAuth access token."),
        "/v23.0/me/events" => match mood {
            Mood::Expired => error(400, 190, "Error validating access token: Session has expired"),
            Mood::Limited => error(400, 4, "(#4) Application request limit reached"),
            Mood::Busy => error(429, 1, "Calls to this api have exceeded the rate limit.").with("retry-after", "1"),
            Mood::Well => page(asked, query.get("after").map(String::as_str), now),
            Mood::Foreign => Reply::new(
                200,
                r#"{"data":[],"paging":{"next":"https://evil.example.org/v23.0/me"}}"#,
            ),
            Mood::Nonsense => Reply::new(200, "<html>"),
            Mood::Endless => Reply::Endless,
            Mood::Silent => Reply::Silence,
            Mood::UsedUp => page(asked, query.get("after").map(String::as_str), now).with(
                "x-app-usage",
                r#"{"call_count":100,"total_cputime":25,"total_time":25}"#,
            ),
        },
        _ => error(404, 100, "Unknown path components"),
    }
}

fn token(token: &str, seconds: u64) -> Reply {
    let said = json!({ "access_token": token, "token_type": "bearer", "expires_in": seconds });
    Reply::new(200, said.to_string()).with("content-type", "application/json; charset=UTF-8")
}

fn error(status: u16, code: i64, message: &str) -> Reply {
    let said =
        json!({ "error": { "message": message, "type": "OAuthException", "code": code, "fbtrace_id": "EJplcsCHuLu" } });
    Reply::new(status, said.to_string()).with("content-type", "application/json; charset=UTF-8")
}

/// One of two pages, as *Paged Results* has them.
fn page(asked: &Asked, after: Option<&str>, now: Timestamp) -> Reply {
    let host = asked.header("host").unwrap_or_default();
    let at = |days: u64| {
        let text = now.after(std::time::Duration::from_secs(days * 86_400)).to_string();
        // As Facebook writes it.
        format!("{}+0000", &text[..19])
    };
    let said = match after {
        None => json!({
            "data": [
                { "id": "100", "name": "Concert <3", "start_time": at(3), "is_canceled": false },
                { "id": "101", "name": "Market", "start_time": at(4), "event_times": [
                    { "id": "1011", "start_time": at(4) }, { "id": "1012", "start_time": at(11) } ] },
            ],
            "paging": {
                "cursors": { "before": "QVFI", "after": "MTAx" },
                "next": format!("http://{host}/v23.0/me/events?access_token={LONG}&limit=100&after=MTAx"),
            },
        }),
        Some(_) => json!({
            "data": [
                { "id": "102", "name": "Called off", "start_time": at(5), "is_canceled": true },
                { "id": "103", "name": "Theatre", "start_time": at(6) },
                { "id": "104", "name": "Last year", "start_time": "2020-01-01T20:00:00+0100" },
            ],
            "paging": { "cursors": { "before": "MTAy", "after": "MTA0" } },
        }),
    };
    Reply::new(200, said.to_string()).with("content-type", "application/json; charset=UTF-8")
}

/// Where the page leads, as its fields.
fn led(page: &Answer) -> BTreeMap<String, String> {
    let (_, rest) = page
        .body
        .split_once("http-equiv=\"refresh\" content=\"0;url=")
        .expect("it leads on");
    let to = rest
        .split_once('"')
        .expect("an end")
        .0
        .replace("&#x2f;", "/")
        .replace("&amp;", "&");
    let (path, query) = to.split_once('?').expect("a query");
    assert!(path.ends_with("/v23.0/dialog/oauth"), "{to}");
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Goes to Facebook and answers the `state` to come back with.
async fn leave(browser: &mut Browser<'_>) -> String {
    let csrf = browser.get("/sources").await.is(200).hidden("csrf");
    let led = led(&browser.post("/sources/facebook", &[("csrf", &csrf)]).await.is(200));
    assert_eq!(
        (&*led["client_id"], &*led["response_type"], &*led["scope"]),
        (APP, "code", "user_events"),
        "{led:?}"
    );
    assert!(led["redirect_uri"].ends_with("/sources/facebook/back"), "{led:?}");
    led["state"].clone()
}

fn back(state: &str, code: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", code)
        .append_pair("state", state)
        .finish();
    format!("/sources/facebook/back?{query}")
}

async fn connect(browser: &mut Browser<'_>) {
    let state = leave(browser).await;
    let answer = browser.get(&back(&state, CODE)).await.is(303);
    assert_eq!(answer.header(header::LOCATION), "/sources?did=added");
}

fn titles(list: &Answer) -> [usize; 4] {
    ["Concert &lt;3", "Market", "Theatre", "Called off"].map(|title| list.body.matches(title).count().min(9))
}

#[test]
fn who_allows_it_has_their_events_and_connects_again_when_it_has_expired() {
    connected_twice("facebook", "");
}

#[test]
fn who_allows_it_has_their_events_on_postgres_too() {
    let server = Postgres::shared();
    server.create_database("site_facebook").expect("the server makes it");
    let url = server.url("site_facebook");
    connected_twice(
        "facebook-postgres",
        &format!("[tiers.database]\nurl = \"{url}\"\nconnections = 4\n"),
    );
}

fn connected_twice(name: &str, database: &str) {
    let facebook = Facebook::open();
    visit_configured(name, &format!("{}{database}", facebook.configuration()), async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        assert!(ada.get("/sources").await.body.contains("Connect Facebook<"));
        connect(&mut ada).await;
        let page = shows(&site, &mut ada, "up to date").await;
        // Both pages: one once, one on two days, one more; what was called off before anybody knew of it is none.
        assert!(page.body.contains("4 to-dos"), "{}", page.body);
        let list = ada.get("/").await.is(200);
        assert!(
            titles(&list).iter().take(3).all(|count| *count > 0) && titles(&list)[3] == 0,
            "{}",
            list.body
        );
        let count = list.body.matches("data-todo=").count();
        assert_eq!(count, 4, "{}", list.body);
        assert!(
            facebook
                .played
                .asked("/v23.0/me/events")
                .iter()
                .any(|asked| asked.path.contains("after=MTAx"))
        );

        facebook.becomes(Mood::Expired);
        let page = shows(&site, &mut ada, "not connected").await;
        assert!(
            page.body
                .contains("connect Facebook again: Error validating access token"),
            "{}",
            page.body
        );
        assert!(
            page.body.contains(">Connect Facebook again<") && !page.body.contains("Read now"),
            "{}",
            page.body
        );
        facebook.becomes(Mood::Well);
        connect(&mut ada).await;
        shows(&site, &mut ada, "up to date").await;
        assert_eq!(ada.get("/").await.body.matches("data-todo=").count(), count);

        // What opens it is nowhere to be read: neither in what is there now nor in what was written on the way.
        site.env.sleep(std::time::Duration::from_millis(300)).await;
        let sql = "select sealed from sources";
        let sealed: Vec<u8> = site.database("Events").query_one(sql, ()).await.expect("it is kept");
        assert!(!String::from_utf8_lossy(&sealed).contains(&LONG[5..]) && sealed.len() > LONG.len());
        let mut files = 0;
        holds_none(&site.folder, &[SHORT, LONG, SECRET, CODE], &mut files);
        assert!(files >= if database.is_empty() { 5 } else { 1 }, "{files} files");
        let csrf = ada.get("/account").await.hidden("csrf");
        ada.post("/account/delete", &[("csrf", &csrf), ("old", PASSWORD)])
            .await
            .is(303);
        let gone = site.env.timeout(std::time::Duration::from_secs(60), async {
            while rows(&site, "sources").await > 0 {
                site.env.sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        gone.await.expect("it is forgotten");
    });
}

#[test]
fn who_asks_too_often_waits_and_asks_again() {
    let facebook = Facebook::open();
    visit_configured("limited", &facebook.configuration(), async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        facebook.becomes(Mood::Busy);
        connect(&mut ada).await;
        let page = shows(&site, &mut ada, "waits ·").await;
        assert!(
            page.body.contains("Facebook wants to be asked less often for a while"),
            "{}",
            page.body
        );
        facebook.becomes(Mood::Well);
        shows(&site, &mut ada, "up to date").await;
        for mood in [Mood::Limited, Mood::UsedUp] {
            facebook.becomes(mood);
            connect(&mut ada).await;
            shows(&site, &mut ada, "waits ·").await;
            let next: Timestamp = site
                .database("Events")
                .query_one("select next_at from sources", ())
                .await
                .expect("a time");
            let minutes = (next.as_micros() - site.env.wall().as_micros()) / 60_000_000;
            assert!((50..=70).contains(&minutes), "{minutes}");
            let asked = facebook.played.asked("/v23.0/me/events").len();
            site.env.sleep(std::time::Duration::from_millis(500)).await;
            assert_eq!(
                facebook.played.asked("/v23.0/me/events").len(),
                asked,
                "it is left alone"
            );
        }
        assert_eq!(
            ada.get("/").await.body.matches("data-todo=").count(),
            4,
            "nothing is cancelled meanwhile"
        );
    });
}

#[test]
fn what_is_answered_wrongly_is_told_and_asked_again() {
    let facebook = Facebook::open();
    visit_configured("wrongly", &facebook.configuration(), async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        connect(&mut ada).await;
        for (mood, why) in [
            (Mood::Foreign, "a next page that is not its own"),
            (Mood::Nonsense, "answered what is not understood"),
            (Mood::Endless, "larger than 5 MiB"),
            (Mood::Silent, "did not end within 10 s"),
        ] {
            facebook.becomes(Mood::Well);
            let csrf = ada.get("/sources").await.hidden("csrf");
            let page = shows(&site, &mut ada, "data-source=").await;
            let id = page
                .body
                .split_once("data-source=\"")
                .and_then(|(_, rest)| rest.split_once('"'));
            let poll = format!("/sources/{}/poll", id.expect("an id").0);
            ada.post(&poll, &[("csrf", &csrf)]).await.is(303);
            shows(&site, &mut ada, "up to date").await;
            facebook.becomes(mood);
            shows(&site, &mut ada, why).await;
        }
        assert_eq!(
            ada.get("/").await.body.matches("data-todo=").count(),
            4,
            "nothing is cancelled meanwhile"
        );
    });
}

#[test]
fn who_was_not_sent_to_facebook_from_here_connects_nothing() {
    let facebook = Facebook::open();
    visit_configured("state", &facebook.configuration(), async |site| {
        let (mut ada, mut eve) = (Browser::new(&site), Browser::new(&site));
        ada.sign_up("ada@example.org").await;
        eve.sign_up("eve@example.org").await;
        let state = leave(&mut ada).await;
        let mut wrong = state.clone().into_bytes();
        wrong[20] ^= 1;
        for wrong in ["", "nonsense", &String::from_utf8_lossy(&wrong)] {
            let refused = ada.get(&back(wrong, CODE)).await.is(422);
            assert!(refused.body.contains("connect again"), "{}", refused.body);
        }
        // Another person's.
        eve.get(&back(&state, CODE)).await.is(422);
        assert_eq!(facebook.played.asked("/").len(), 0, "nothing is asked for them");
        let refused = ada.get(&back(&state, "another")).await.is(409);
        assert!(
            refused.body.contains("This authorization code has been used."),
            "{}",
            refused.body
        );
        let denied =
            "/sources/facebook/back?error=access_denied&error_code=200&error_description=Permissions+error&state=x";
        let refused = ada.get(denied).await.is(409);
        assert!(
            refused.body.contains("it says that you have not allowed it") && !refused.body.contains("Permissions"),
            "{}",
            refused.body
        );
        assert_eq!(rows(&site, "sources").await, 0);
        // Nobody is connected by somebody else's form.
        ada.post("/sources/facebook", &[("csrf", "wrong")]).await.is(403);
    });
}

fn holds_none(folder: &Path, secrets: &[&str], files: &mut usize) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            holds_none(&path, secrets, files);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        *files += 1;
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|some| some == secret.as_bytes());
            assert!(!found, "{} holds {secret}", path.display());
        }
    }
}
