//! What is wrong, too large, malformed or hostile gets a clear answer, and the application lives.

use serde_json::{Value, json};

use crate::client::{Client, raw};
use crate::place::Place;
use crate::todo::Todo;

/// The problem that an answer tells, which names its status.
#[track_caller]
fn problem(answer: crate::client::Answer, status: u16) -> Value {
    let answer = answer.is(status);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert!(
        problem["title"].is_string() && problem["detail"].is_string(),
        "{problem}"
    );
    problem
}

#[test]
fn what_is_wrong_is_told_with_its_field() {
    let place = Place::sqlite("bad-input");
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    let id = ada.post("/api/todos", &json!({ "title": "t" })).is(201).json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let one = format!("/api/todos/{id}");
    let long = "x".repeat(501);
    for (body, field) in [
        (json!({}), "title"),
        (json!({ "title": "" }), "title"),
        (json!({ "title": " \t" }), "title"),
        (json!({ "title": long }), "title"),
        (json!({ "title": 7 }), "title"),
        (json!({ "title": null }), "title"),
        (json!({ "title": "t", "due": "tomorrow" }), "due"),
        (json!({ "title": "t", "due": "2026-02-30T00:00:00Z" }), "due"),
        (json!({ "title": "t", "due": 7 }), "due"),
        (json!({ "title": "t", "tags": "t" }), "tags"),
        (json!({ "title": "t", "tags": [""] }), "tags"),
        (json!({ "title": "t", "done": "yes" }), "done"),
        (json!({ "title": "t", "titel": "t" }), "titel"),
    ] {
        let told = problem(ada.post("/api/todos", &body), 422);
        assert!(told.to_string().contains(field), "{body}: {told}");
    }
    for (body, field) in [
        (json!({ "title": null }), "title"),
        (json!({ "title": "" }), "title"),
        (json!({ "done": null }), "done"),
        (json!({ "due": "never" }), "due"),
        (json!({ "id": "other" }), "id"),
    ] {
        let told = problem(ada.patch(&one, &body), 422);
        assert!(told.to_string().contains(field), "{body}: {told}");
    }
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "done=maybe",
        "after=%00",
        "after=forged",
    ] {
        let told = problem(ada.get(&format!("/api/todos?{query}")), 422);
        let field = query.split('=').next().expect("a name");
        assert!(told.to_string().contains(field), "{query}: {told}");
    }
    for at in ["2001-01-01T00:00:00Z", "soon", "9999-01-01T00:00:00Z"] {
        let told = problem(ada.post(&format!("{one}/reminders"), &json!({ "at": at })), 422);
        assert!(told.to_string().contains("at"), "{at}: {told}");
    }
    assert_eq!(
        ada.get("/api/todos").is(200).json()["todos"].as_array().map(Vec::len),
        Some(1)
    );
    drop(todo);
    place.remove();
}

#[test]
fn what_is_malformed_too_large_or_nobodys_is_refused() {
    let place = Place::sqlite("malformed");
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    for body in [
        &b"{"[..],
        b"",
        b"\xff",
        b"[1,2",
        b"{\"title\":\"t\"}x",
        b"{\"title\":\"\\ud800\"}",
    ] {
        problem(ada.ask("POST", "/api/todos", &[], Some(body)), 400);
    }
    let deep = "[".repeat(100_000);
    problem(ada.ask("POST", "/api/todos", &[], Some(deep.as_bytes())), 400);
    let large = json!({ "title": "x".repeat(2 << 20) }).to_string();
    problem(ada.ask("POST", "/api/todos", &[], Some(large.as_bytes())), 413);
    problem(
        ada.ask("POST", "/api/todos", &[("content-type", "text/plain")], Some(b"{}")),
        415,
    );
    for token in [None, Some("nonsense".to_owned()), Some(String::new())] {
        let nobody = Client::new(&todo.address, token);
        let answer = nobody.get("/api/todos");
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|how| how.starts_with("Bearer")),
            "{answer:?}"
        );
        problem(answer, 401);
    }
    problem(ada.get("/api/todos/not-an-id"), 404);
    problem(ada.get("/api/nothing"), 404);
    let wrong = ada.ask("PUT", "/api/todos", &[], Some(b"{}"));
    assert!(wrong.header("allow").is_some(), "{wrong:?}");
    problem(wrong, 405);
    drop(todo);
    place.remove();
}

#[test]
fn what_is_hostile_is_text_and_nothing_more() {
    let place = Place::sqlite("hostile");
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    for title in [
        "'; drop table todos; --",
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}",
        "a\r\nBcc: eve@example.org",
        "\u{202e}txt.exe",
        "%s%n$1",
    ] {
        let answer = ada.post("/api/todos", &json!({ "title": title }));
        match answer.status {
            201 => assert_eq!(answer.json()["title"], title),
            _ => drop(problem(answer, 422)),
        }
    }
    problem(ada.post("/api/todos", &json!({ "title": "a\u{0}b" })), 422);
    for path in [
        "/static/../../Cargo.toml",
        "/static/%2e%2e/%2e%2e/Cargo.toml",
        "/static/..%2f..%2fCargo.toml",
        "/static/%00",
        "/static//etc/passwd",
    ] {
        assert!(matches!(ada.get(path).status, 400 | 404), "{path}");
    }
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"POST /api/todos HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/todos HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
    ] {
        if let Ok(answer) = raw(&todo.address, bytes, b"") {
            assert!(
                (400..506).contains(&answer.status),
                "{}: {answer:?}",
                bytes.escape_ascii()
            );
        }
    }
    ada.get("/api/todos").is(200);
    let token = ada.token.as_deref().expect("it has one");
    assert!(!todo.said().contains(token), "a token was logged");
    drop(todo);
    place.remove();
}
