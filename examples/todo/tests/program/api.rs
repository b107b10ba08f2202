//! The JSON API, as a script uses it.

use serde_json::{Value, json};

use crate::client::{Client, Mailbox, until};
use crate::on_both;
use crate::place::Place;
use crate::todo::Todo;

on_both!(
    a_to_do_is_added_listed_edited_completed_and_deleted,
    pages_of_a_list_hold_each_to_do_once,
    what_is_exported_is_imported_once_by_another_person,
    a_reminder_is_mailed_at_its_time_unless_the_to_do_is_done,
    another_persons_to_do_is_not_there,
);

fn a_to_do_is_added_listed_edited_completed_and_deleted(place: Place) {
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    let new = json!({ "title": " Water the plants ", "due": "2030-03-31T02:30:00+02:00", "tags": ["home", "garden", "home"] });
    let answer = ada.post("/api/todos", &new).is(201);
    let added = answer.json();
    let keys: Vec<&str> = added
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut promised = ["id", "title", "done", "due", "tags", "created_at", "updated_at"];
    promised.sort_unstable();
    assert_eq!(keys, promised);
    assert_eq!(added["title"], "Water the plants");
    assert_eq!(added["done"], false);
    assert_eq!(added["tags"], json!(["garden", "home"]));
    assert!(
        added["due"]
            .as_str()
            .expect("a time")
            .starts_with("2030-03-31T00:30:00"),
        "{added}"
    );
    let id = added["id"].as_str().expect("an id is a text");
    let one = format!("/api/todos/{id}");
    assert_eq!(ada.get(&one).is(200).json(), added);
    let listed = ada.get("/api/todos?done=false&tag=home&q=WATER").is(200).json();
    assert_eq!(listed, json!({ "todos": [added], "next": null }));
    for nothing in ["done=true", "tag=work", "q=fire", "q=%25"] {
        let listed = ada.get(&format!("/api/todos?{nothing}")).is(200).json();
        assert_eq!(listed["todos"], json!([]), "{nothing}");
    }
    let edited = ada
        .patch(&one, &json!({ "title": "Feed the cat", "due": null, "tags": [] }))
        .is(200)
        .json();
    assert_eq!(
        (&edited["title"], &edited["due"], &edited["tags"]),
        (&json!("Feed the cat"), &Value::Null, &json!([]))
    );
    let done = ada.patch(&one, &json!({ "done": true })).is(200).json();
    assert_eq!((&done["done"], &done["title"]), (&json!(true), &json!("Feed the cat")));
    assert!(done["updated_at"].as_str() > done["created_at"].as_str());
    ada.delete(&one).is(204);
    ada.get(&one).is(404);
    ada.delete(&one).is(404);
    drop(todo);
    place.remove();
}

fn pages_of_a_list_hold_each_to_do_once(place: Place) {
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    for number in 0..7 {
        ada.post("/api/todos", &json!({ "title": format!("n{number}") }))
            .is(201);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/api/todos?limit=3{after}")).is(200).json();
        let titles = page["todos"].as_array().expect("a list").iter();
        seen.extend(titles.map(|todo| todo["title"].as_str().expect("a text").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["n6", "n5", "n4", "n3", "n2", "n1", "n0"]);
    drop(todo);
    place.remove();
}

fn what_is_exported_is_imported_once_by_another_person(place: Place) {
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    let added = ada
        .post(
            "/api/todos",
            &json!({ "title": "<b>ünïcode</b>\u{1f331}", "tags": ["t"] }),
        )
        .is(201)
        .json();
    let done = ada.post("/api/todos", &json!({ "title": "done" })).is(201).json();
    let id = done["id"].as_str().expect("an id");
    ada.patch(&format!("/api/todos/{id}"), &json!({ "done": true })).is(200);
    let reminders = format!("/api/todos/{}/reminders", added["id"].as_str().expect("an id"));
    ada.post(&reminders, &json!({ "at": "2031-01-01T00:00:00Z" })).is(201);
    let export = ada.get("/api/export").is(200);
    let text = String::from_utf8(export.body.clone()).expect("it is text");
    assert!(text.contains("ünïcode") && text.contains("2031-01-01"), "{text}");
    // Whoever lost everything brings it back; the same again changes nothing.
    for id in [&added["id"], &done["id"]] {
        ada.delete(&format!("/api/todos/{}", id.as_str().expect("an id")))
            .is(204);
    }
    let fresh = todo.client(&place, "fresh@example.org");
    for _ in 0..2 {
        fresh.ask("POST", "/api/import", &[], Some(&export.body)).is(200);
    }
    let listed = fresh.get("/api/todos").is(200).json();
    let titles: Vec<&str> = listed["todos"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|todo| todo["title"].as_str())
        .collect();
    assert_eq!(titles, ["done", "<b>ünïcode</b>\u{1f331}"]);
    assert_eq!(listed["todos"][0]["done"], true);
    drop(todo);
    place.remove();
}

fn a_reminder_is_mailed_at_its_time_unless_the_to_do_is_done(place: Place) {
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    let add = |title: &str| {
        let added = ada.post("/api/todos", &json!({ "title": title })).is(201).json();
        added["id"].as_str().expect("an id").to_owned()
    };
    let (open, done) = (add("still open"), add("already done"));
    let at = soon(&ada, 3);
    for id in [&open, &done] {
        ada.post(&format!("/api/todos/{id}/reminders"), &json!({ "at": at }))
            .is(201);
    }
    ada.patch(&format!("/api/todos/{done}"), &json!({ "done": true }))
        .is(200);
    let mailbox = Mailbox::open(&todo.admin);
    let reminders = || {
        let all = mailbox.messages();
        let of_reminders = all.into_iter().filter(|mail| mail["component"] == "Reminders");
        of_reminders.collect::<Vec<_>>()
    };
    assert!(reminders().is_empty(), "before its time");
    let mail = until("a mail", || reminders().pop());
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    let text = mail["text"].as_str().expect("a text");
    assert!(text.contains("still open") && text.contains(&open), "{text}");
    assert!(
        mail["arrived"].as_str().expect("a time") >= at.trim_end_matches('Z'),
        "{mail} {at}"
    );
    // The other one had the same time.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(reminders().len(), 1);
    drop(todo);
    place.remove();
}

fn another_persons_to_do_is_not_there(place: Place) {
    let todo = Todo::open(&place);
    let (ada, eve) = (
        todo.client(&place, "ada@example.org"),
        todo.client(&place, "eve@example.org"),
    );
    let added = ada.post("/api/todos", &json!({ "title": "mine" })).is(201).json();
    let one = format!("/api/todos/{}", added["id"].as_str().expect("an id"));
    eve.get(&one).is(404);
    eve.patch(&one, &json!({ "title": "theirs" })).is(404);
    eve.delete(&one).is(404);
    eve.post(&format!("{one}/reminders"), &json!({ "at": "2031-01-01T00:00:00Z" }))
        .is(404);
    assert_eq!(eve.get("/api/todos").is(200).json()["todos"], json!([]));
    assert!(!String::from_utf8_lossy(&eve.get("/api/export").is(200).body).contains("mine"));
    assert_eq!(ada.get(&one).is(200).json(), added);
    drop(todo);
    place.remove();
}

/// So many seconds after what the application's clock says, as RFC 3339 has it.
fn soon(client: &Client, seconds: i64) -> String {
    let added = client.post("/api/todos", &json!({ "title": "a clock" })).is(201).json();
    let now = added["created_at"].as_str().expect("a time");
    let now = chrono::DateTime::parse_from_rfc3339(now).expect("RFC 3339");
    let id = added["id"].as_str().expect("an id");
    client.delete(&format!("/api/todos/{id}")).is(204);
    let at = now.to_utc() + chrono::TimeDelta::seconds(seconds);
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
