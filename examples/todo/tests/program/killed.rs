//! The application, killed again and again under load: nothing that was acknowledged is lost or doubled, and every reminder is
//! mailed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use world::Env;

use crate::client::{Client, Mailbox, until};
use crate::on_both;
use crate::place::Place;
use crate::todo::{Todo, token};

on_both!(what_was_acknowledged_is_there_once_whenever_it_is_killed);

/// How often it is killed.
const ROUNDS: u64 = 3;
const ROUNDS_FULL: u64 = 50;

/// Clients that add at the same time.
const CLIENTS: usize = 4;

/// Milliseconds of load before it is killed, at most.
const KILL_MS_MAX: u64 = 600;

/// What the clients share with who kills.
#[derive(Clone)]
struct Load {
    address: Arc<Mutex<String>>,
    token: String,
    over: Arc<AtomicBool>,
}

impl Load {
    /// Adds to-dos, each with a reminder, one after the other, until it is over: each is asked for until it is acknowledged, under
    /// one key. Answers their titles.
    fn add(&self, client: usize) -> Vec<String> {
        let mut titles = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            let title = format!("c{client} n{}", titles.len());
            let added = self.insist("/api/todos", &title, &json!({ "title": title }));
            let reminders = format!("/api/todos/{}/reminders", added["id"].as_str().expect("an id"));
            let at = added["created_at"]
                .as_str()
                .and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok());
            // After whatever the last round takes to begin: a time that is over would be refused.
            let at = at.expect("RFC 3339") + chrono::TimeDelta::seconds(20);
            self.insist(
                &reminders,
                &format!("{title} reminder"),
                &json!({ "at": at.to_rfc3339() }),
            );
            titles.push(title);
        }
        titles
    }

    fn insist(&self, path: &str, key: &str, body: &Value) -> Value {
        let body = body.to_string();
        until("an answer", || {
            let address = self.address.lock().expect("nobody panics").clone();
            let client = Client::new(&address, Some(self.token.clone()));
            let answer = client
                .try_ask("POST", path, &[("idempotency-key", key)], Some(body.as_bytes()))
                .ok()?;
            assert!(matches!(answer.status, 201 | 503), "{path} {body}: {answer:?}");
            (answer.status == 201).then(|| answer.json())
        })
    }
}

fn what_was_acknowledged_is_there_once_whenever_it_is_killed(place: Place) {
    let mut random = Env::production("test").random("kill");
    let mut todo = Todo::open(&place);
    let load = Load {
        address: Arc::new(Mutex::new(todo.address.clone())),
        token: token(&place, "ada@example.org"),
        over: Arc::default(),
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let load = load.clone();
            std::thread::spawn(move || load.add(client))
        })
        .collect();
    let rounds = if std::env::var_os("TERRACE_FULL").is_some() {
        ROUNDS_FULL
    } else {
        ROUNDS
    };
    for _ in 0..rounds {
        std::thread::sleep(Duration::from_millis(random.below(KILL_MS_MAX)));
        todo.kill();
        todo = Todo::open(&place);
        load.address.lock().expect("nobody panics").clone_from(&todo.address);
    }
    std::thread::sleep(Duration::from_millis(200));
    load.over.store(true, Ordering::Relaxed);
    let acknowledged: Vec<String> = clients
        .into_iter()
        .flat_map(|client| client.join().expect("it ends"))
        .collect();
    assert!(acknowledged.len() >= CLIENTS, "{acknowledged:?}");
    let ada = Client::new(&todo.address, Some(load.token.clone()));
    let there = counted(all(&ada).iter().filter_map(|todo| todo["title"].as_str()));
    let lost = acknowledged.iter().filter(|title| !there.contains_key(*title)).count();
    let doubled = there.values().filter(|count| **count > 1).count();
    report(rounds, acknowledged.len(), lost, doubled);
    assert_eq!(
        (lost, doubled, there.len()),
        (0, 0, acknowledged.len()),
        "{there:?} {acknowledged:?}"
    );
    let mailbox = Mailbox::open(&todo.admin);
    until("every reminder", || {
        let messages = mailbox.messages();
        let of_reminders = messages.iter().filter(|mail| mail["component"] == "Reminders");
        let mailed = counted(of_reminders.filter_map(|mail| mail["subject"].as_str()));
        assert!(mailed.values().all(|count| *count == 1), "mailed twice: {mailed:?}");
        let found = |title: &&String| mailed.keys().any(|subject| subject.ends_with(title.as_str()));
        // The mailbox shows the newest 200.
        (acknowledged.iter().filter(found).count() >= acknowledged.len().min(150)).then_some(())
    });
    drop(todo);
    place.remove();
}

fn counted<'t>(titles: impl Iterator<Item = &'t str>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for title in titles {
        *counted.entry(title.to_owned()).or_insert(0) += 1;
    }
    counted
}

fn all(client: &Client) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/todos?limit=200{after}")).is(200).json();
        all.extend(page["todos"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[expect(clippy::print_stdout, reason = "the README shows this line")]
fn report(rounds: u64, acknowledged: usize, lost: usize, doubled: usize) {
    println!("killed {rounds} times: {acknowledged} to-dos acknowledged, {lost} lost, {doubled} doubled");
}
