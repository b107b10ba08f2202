//! The scenario `todo`: people keep to-dos and are reminded of them, and one has a calendar read, while faults strike; nothing
//! acknowledged is lost or doubled, and each event is one to-do.

mod api;
mod calendar;
mod clients;
mod mailbox;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use terrace::simulation::model::Clocks;
use terrace::simulation::{Modules, PORT, Scenario, World, open, reference, serve, serve_fronts};
use terrace::{Address, Cx, Env, Ref, sometimes};
use uuid::Uuid;

use self::calendar::Calendar;
use self::clients::{Item, Known, Who};
use self::mailbox::{Kept, Letter, Mailbox};
use crate::accounts::{AccountError, Accounts, Registry, secret};
use crate::events::{Agenda, Events};
use crate::reminders::{Bell, Reminders, State};
use crate::site;
use crate::todos::{Filter, LIST_MAX, Notebook, Todo, Todos};

/// People, each of whom works by a client of their own; the last one works by the API of the site.
const CLIENTS: u64 = 3;

/// Where the site is.
const SITE: &str = "site:8080";

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(400);

/// What a client gives a call.
const PATIENCE: Duration = Duration::from_secs(4);

/// The scenario, for `simulate`.
pub fn scenario() -> Scenario {
    Scenario::new("todo", todo)
        .about("No to-do, change or reminder that was acknowledged is lost or doubled, none comes early, and each event is one to-do")
        .seeds(500)
        .sometimes("a call was repeated")
        .sometimes("a request was repeated")
        .sometimes("a change was taken back")
        .sometimes("a reminder arrived")
        .sometimes("a reminder was suspended")
        .sometimes("an event became a to-do")
        .sometimes("an event was changed")
}

/// What is there when all is over.
#[derive(Clone, Default)]
struct Found {
    todos: BTreeMap<Uuid, Todo>,
    reminders: BTreeMap<Uuid, State>,
    letters: Vec<Letter>,
    /// Of whoever has a calendar read, and nothing else.
    events: Vec<Todo>,
}

async fn todo(world: World) {
    let places = format!(
        "[tiers]\njobs = {{ poll = \"200ms\", lease = \"5s\" }}\n\
         [components]\nAccounts = {{ at = \"accounts:{PORT}\" }}\nTodos = {{ at = \"todos:{PORT}\" }}\n\
         Reminders = {{ at = \"reminders:{PORT}\" }}\nEvents = {{ at = \"events:{PORT}\" }}\n"
    );
    for name in ["accounts", "todos", "reminders", "events", "site"] {
        let places = places.clone();
        world.server(name, move |env| run(env, name, places.clone()));
    }
    let said = Calendar::default();
    let own = said.clone();
    world.server("calendar", move |env| own.clone().run(env));
    let people = sign_up(&world).await;
    let reader = subscribe(&world).await;
    let owners = people.iter().map(|who| who.owner).collect();
    let (known, working) = (Known::default(), Arc::new(AtomicBool::new(true)));
    for who in people {
        let (known, working, own) = (known.clone(), working.clone(), world.clone());
        world.client(&format!("client-{}", who.client), move |env| {
            clients::work(own.clone(), env, who.clone(), known.clone(), working.clone())
        });
    }
    let (own, changing) = (said.clone(), working.clone());
    world.client("editor", move |env| own.clone().change(env, changing.clone()));
    world.chaos(CHAOS).await;
    working.store(false, Ordering::Relaxed);
    world.env().sleep(2 * PATIENCE).await;
    let latest = watch(world.env(), owners, reader, &known);
    let seen = || latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let settled = world
        .settle("an end of every reminder and event", SETTLE, || {
            seen().is_some_and(|found| {
                said.is_told(&found.events) && known.all().values().all(|item| is_over(item, &found))
            })
        })
        .await;
    // Where the model promises no progress nothing may have been answered.
    let Some(found) = seen() else { return };
    check(&world, &known, &found, settled);
    said.check(&world, &found.events, settled);
}

/// What a server does whenever it starts: opens its component as a program would, the others being elsewhere.
async fn run(env: Env, name: &'static str, places: String) {
    // What is here is not elsewhere.
    let elsewhere = |line: &&str| !line.contains(&format!("\"{name}:"));
    let mut config = places.lines().filter(elsewhere).collect::<Vec<_>>().join("\n");
    if name == "events" {
        config += calendar::CONFIG;
    }
    let opened = loop {
        let mut modules = Modules::default();
        // So that the configuration may say of each where it is, also of one that this one does not call.
        modules.uses::<dyn Accounts>();
        modules.uses::<dyn Todos>();
        modules.uses::<dyn Reminders>();
        modules.uses::<dyn Events>();
        match name {
            "accounts" => modules.provide::<dyn Accounts>(None, Registry::open),
            "todos" => modules.provide::<dyn Todos>(None, Notebook::open),
            "events" => modules.provide::<dyn Events>(None, Agenda::open),
            "site" => modules.front("Site", site::open),
            _ => modules.provide::<dyn Reminders>(None, Bell::open),
        }
        match open(&env, modules, &config).await {
            Ok(opened) => break opened,
            // The disk may be struck.
            Err(_) => env.sleep(Duration::from_millis(100)).await,
        }
    };
    let mut served = opened.served();
    if name == "reminders" {
        let database = opened.databases().into_iter().next();
        served.extend(database.and_then(|database| Ref::<dyn Mailbox>::new(Kept::new(database)).served()));
    }
    let _door = serve(&env, served).await;
    if name == "site" {
        let site = serve_fronts(&env, &opened, &Address::new(SITE));
        let _site = site.await;
        std::future::pending::<()>().await;
    }
    std::future::pending::<()>().await;
}

/// Accounts for everybody, while nothing strikes.
async fn sign_up(world: &World) -> Vec<Who> {
    let mut people = Vec::new();
    while (people.len() as u64) < CLIENTS {
        match sign_up_one(world.env(), people.len() as u64).await {
            Ok(who) => people.push(who),
            Err(_) => world.env().sleep(Duration::from_millis(100)).await,
        }
    }
    people
}

/// An account with a calendar, likewise.
async fn subscribe(world: &World) -> Uuid {
    let reader = loop {
        let cx = Cx::root(world.env()).within(PATIENCE);
        let accounts = reference::<dyn Accounts>(world.env(), "accounts");
        match accounts.add(&cx, "reader@example.org".to_owned()).await {
            Ok(account) => break account.id,
            Err(_) => world.env().sleep(Duration::from_millis(100)).await,
        }
    };
    while calendar::add(world.env(), reader).await.is_err() {
        world.env().sleep(Duration::from_millis(100)).await;
    }
    reader
}

async fn sign_up_one(env: &Env, client: u64) -> Result<Who, AccountError> {
    let accounts = reference::<dyn Accounts>(env, "accounts");
    let cx = Cx::root(env).within(PATIENCE);
    let owner = accounts.add(&cx, format!("person-{client}@example.org")).await?.id;
    if client + 1 < CLIENTS {
        let token = None;
        return Ok(Who { client, owner, token });
    }
    let token = secret::new(env);
    let kept = accounts.add_token(&cx, owner, "scenario".to_owned(), token.clone());
    kept.await?;
    let token = Some(token);
    Ok(Who { client, owner, token })
}

/// Looks again and again.
fn watch(env: &Env, owners: Vec<Uuid>, reader: Uuid, known: &Known) -> Arc<Mutex<Option<Found>>> {
    let latest: Arc<Mutex<Option<Found>>> = Arc::default();
    let (told, own, known) = (latest.clone(), env.clone(), known.clone());
    drop(env.spawn("watch", async move {
        loop {
            let found = look(&own, &owners, reader, &known).await;
            if found.is_some() {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = found;
            }
            own.sleep(Duration::from_secs(1)).await;
        }
    }));
    latest
}

async fn look(env: &Env, owners: &[Uuid], reader: Uuid, known: &Known) -> Option<Found> {
    let todos = reference::<dyn Todos>(env, "todos");
    let reminders = reference::<dyn Reminders>(env, "reminders");
    let mailbox = reference::<dyn Mailbox>(env, "reminders");
    let cx = || Cx::root(env).within(Duration::from_secs(10));
    let all = async |owner: Uuid| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let filter = Filter {
                limit: LIST_MAX,
                after,
                ..Filter::default()
            };
            let page = todos.list(&cx(), owner, filter).await.ok()?;
            all.extend(page.todos);
            after = page.next;
            if after.is_none() {
                return Some(all);
            }
        }
    };
    let mut found = Found::default();
    for owner in owners {
        found
            .todos
            .extend(all(*owner).await?.into_iter().map(|todo| (todo.id, todo)));
        // Of those that are deleted too.
        let ids: Vec<Uuid> = known.of(*owner);
        for some in ids.chunks(crate::reminders::LIST_MAX) {
            for reminder in reminders.list(&cx(), *owner, some.to_vec()).await.ok()? {
                found.reminders.insert(reminder.id, reminder.state);
            }
        }
    }
    found.events = all(reader).await?;
    found.letters = mailbox.letters(&cx()).await.ok()?;
    Some(found)
}

/// Whether nothing is to come of it any more.
fn is_over(item: &Item, found: &Found) -> bool {
    let Some(reminder) = item.reminder.as_ref() else {
        return true;
    };
    match found.reminders.get(&reminder.id) {
        Some(State::Sent) => true,
        // One that is open again is perhaps not told yet; of one whose last change nobody knows either is an end.
        Some(State::Suspended) => !item.certain || !item.is_open(),
        _ => false,
    }
}

fn check(world: &World, known: &Known, found: &Found, settled: bool) {
    let mut titles: BTreeMap<&str, u64> = BTreeMap::new();
    for todo in found.todos.values() {
        let number = todo.title.split(' ').next().unwrap_or_default();
        *titles.entry(number).or_default() += 1;
    }
    if let Some((number, times)) = titles.iter().find(|(_, times)| **times > 1) {
        world.fail(format!("to-do {number} was added {times} times"));
    }
    let jumps = matches!(world.model().clocks, Clocks::Skewed { .. });
    for (number, item) in known.all().iter() {
        let Some(todo) = &item.todo else { continue };
        match found.todos.get(&todo.id) {
            _ if !item.certain => {}
            None if item.deleted => {}
            None => world.fail(format!("to-do {number} was acknowledged, and is lost")),
            Some(_) if item.deleted => world.fail(format!("to-do {number} was deleted, and is there")),
            Some(there) if (&there.title, there.done) != (&todo.title, todo.done) => {
                world.fail(format!("to-do {number} should be {todo:?}, and is {there:?}"));
            }
            Some(_) => {}
        }
        let letters: Vec<&Letter> = found.letters.iter().filter(|letter| letter.todo == todo.id).collect();
        if letters.len() > 1 {
            world.fail(format!("to-do {number} was reminded of {} times", letters.len()));
        }
        let Some(reminder) = &item.reminder else { continue };
        sometimes!(world.env(), !letters.is_empty(), "a reminder arrived");
        let state = found.reminders.get(&reminder.id);
        sometimes!(
            world.env(),
            state == Some(&State::Suspended),
            "a reminder was suspended"
        );
        if state.is_none() {
            world.fail(format!("the reminder of to-do {number} was acknowledged, and is lost"));
        }
        if settled && item.certain && item.is_open() && letters.is_empty() {
            world.fail(format!(
                "to-do {number} is open, and its reminder did not come: {state:?}"
            ));
        }
        if state == Some(&State::Sent) && letters.is_empty() {
            world.fail(format!("the reminder of to-do {number} is sent, and there is no mail"));
        }
        // What clocks that are wrong may show is not compared.
        if !jumps && letters.iter().any(|letter| letter.arrived < reminder.at) {
            world.fail(format!("the reminder of to-do {number} came before its time"));
        }
        if !jumps && item.certain && item.closed_before && !letters.is_empty() {
            world.fail(format!("to-do {number} was reminded of, though it was done before"));
        }
    }
}
