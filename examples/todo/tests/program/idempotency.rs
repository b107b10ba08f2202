//! One request, sent many times.

use std::collections::BTreeSet;

use serde_json::json;

use crate::on_both;
use crate::place::Place;
use crate::todo::Todo;

on_both!(one_key_makes_one_to_do);

/// Requests at once.
const TIMES: usize = 20;

fn one_key_makes_one_to_do(place: Place) {
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    let body = json!({ "title": "once" }).to_string();
    let key = [("idempotency-key", "4f3e")];
    let ids: BTreeSet<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..TIMES)
            .map(|_| {
                scope.spawn(|| {
                    ada.ask("POST", "/api/todos", &key, Some(body.as_bytes()))
                        .is(201)
                        .json()
                })
            })
            .collect();
        let answers = asked.into_iter().map(|asked| asked.join().expect("it answers"));
        answers
            .map(|answer| answer["id"].as_str().expect("an id").to_owned())
            .collect()
    });
    assert_eq!(ids.len(), 1);
    let other = json!({ "title": "another" }).to_string();
    let refused = ada.ask("POST", "/api/todos", &key, Some(other.as_bytes())).is(422);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let listed = ada.get("/api/todos").is(200).json();
    assert_eq!(listed["todos"].as_array().expect("a list").len(), 1);
    // The key is of one person, and of one request.
    let eve = todo.client(&place, "eve@example.org");
    let hers = eve
        .ask("POST", "/api/todos", &key, Some(other.as_bytes()))
        .is(201)
        .json();
    assert!(!ids.contains(hers["id"].as_str().expect("an id")));
    drop(todo);
    place.remove();
}
