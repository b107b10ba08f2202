//! A calendar that is offered on a node of its own, and changes while faults strike; a person's source is its address.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chrono::DateTime;
use terrace::database::Timestamp;
use terrace::simulation::{Modules, World, open, reference, serve_fronts};
use terrace::{Address, CallId, Cx, Env, Root, Setup, SetupError, sometimes};
use uuid::Uuid;

use super::PATIENCE;
use crate::events::{EventError, Events, NewSource};
use crate::todos::Todo;

/// Where the calendar is.
const AT: &str = "calendar:80";

/// What the component is configured with, behind `[components]`: it reads often, and nodes have no public addresses.
pub(super) const CONFIG: &str = "\nEvents = { config = { every_ms = 1000 } }\n[feeds]\nallow = [\"10.77.0.0/16\"]\n";

/// Events of the calendar, and what lies between two changes of it, in milliseconds.
const EVENTS_MAX: u64 = 12;
const PAUSE_MS_MAX: u64 = 1_500;

/// How far ahead its first event is, and how far its others lie apart.
const AHEAD: Duration = Duration::from_secs(30 * 24 * 3600);
const APART_SECONDS: i64 = 3600;

/// What the calendar says. It is kept outside the world.
#[derive(Clone, Default)]
pub(super) struct Calendar(Arc<Mutex<BTreeMap<u64, Event>>>);

/// An event of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    version: u64,
    start: Timestamp,
}

impl Event {
    fn title(&self, number: u64) -> String {
        format!("{number} version {}", self.version)
    }
}

impl Calendar {
    /// What a server of it does whenever it starts.
    pub(super) async fn run(self, env: Env) {
        let said = self.clone();
        let router = Router::new().route("/all.ics", get(move || std::future::ready(said.text())));
        let mut modules = Modules::default();
        modules.front("Calendar", move |_: &Setup| {
            let router = router.clone();
            async move { Ok::<Router, SetupError>(router) }
        });
        // The disk is not asked for anything.
        if let Ok(opened) = open(&env, modules, "").await {
            let served = serve_fronts(&env, &opened, &Address::new(AT)).await;
            std::future::pending::<()>().await;
            drop((served, opened));
        }
    }

    /// Adds an event, or changes one, again and again.
    pub(super) async fn change(self, env: Env, working: Arc<AtomicBool>) {
        let mut random = env.random("calendar");
        let first = Timestamp::from(env.wall()).after(AHEAD);
        while working.load(Ordering::Relaxed) {
            env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
            let number = random.below(EVENTS_MAX);
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let version = all.get(&number).map_or(1, |known| known.version + 1);
            sometimes!(env, version > 1, "an event was changed");
            let seconds = APART_SECONDS * i64::try_from(number + version % 2).unwrap_or(0);
            // A calendar counts whole seconds.
            let start = first.as_micros() / 1_000_000 + seconds;
            let start = Timestamp::from_micros(start * 1_000_000);
            all.insert(number, Event { version, start });
        }
    }

    /// As it is written (RFC 5545).
    fn text(&self) -> String {
        let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned();
        for (number, event) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let start = DateTime::from_timestamp_micros(event.start.as_micros()).unwrap_or_default();
            text += &format!(
                "BEGIN:VEVENT\r\nUID:{number}\r\nSEQUENCE:{}\r\nSUMMARY:{}\r\nDTSTART:{}\r\nEND:VEVENT\r\n",
                event.version,
                event.title(*number),
                start.format("%Y%m%dT%H%M%SZ"),
            );
        }
        text + "END:VCALENDAR\r\n"
    }

    /// Whether each event is a to-do as it is said now.
    pub(super) fn is_told(&self, todos: &[Todo]) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = |(number, event): (&u64, &Event)| {
            let title = event.title(*number);
            todos
                .iter()
                .any(|todo| todo.title == title && todo.due == Some(event.start))
        };
        all.iter().all(is_there)
    }

    /// Holds the to-dos against what was said.
    pub(super) fn check(&self, world: &World, todos: &[Todo], settled: bool) {
        sometimes!(world.env(), !todos.is_empty(), "an event became a to-do");
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for todo in todos {
            *times
                .entry(todo.title.split(' ').next().unwrap_or_default())
                .or_default() += 1;
        }
        if let Some((number, times)) = times.iter().find(|(_, times)| **times > 1) {
            world.fail(format!("event {number} became {times} to-dos"));
        }
        if settled && !self.is_told(todos) {
            world.fail(format!("the calendar says {}, and there is {todos:?}", self.text()));
        }
    }
}

/// Adds the calendar as a source of `owner`; it may be asked again.
pub(super) async fn add(env: &Env, owner: Uuid) -> Result<(), EventError> {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"calendar", owner.as_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    let cx = Cx::from_root(env, root).within(PATIENCE).named("source", &());
    let new = NewSource {
        url: format!("http://{AT}/all.ics"),
        name: None,
    };
    reference::<dyn Events>(env, "events")
        .add(&cx, owner, new)
        .await
        .map(drop)
}
