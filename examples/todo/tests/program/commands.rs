//! The commands of a person, and how the application begins and ends.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, Mailbox, until};
use crate::place::Place;
use crate::todo::{Todo, run, token};

/// How long the end may take that was asked for.
const END_MAX: Duration = Duration::from_secs(5);

#[test]
fn it_ends_in_order_when_it_is_asked_to() {
    let place = Place::sqlite("ends");
    for signal in ["INT", "TERM"] {
        let todo = Todo::open(&place);
        todo.client(&place, "ada@example.org")
            .post("/api/todos", &json!({ "title": signal }))
            .is(201);
        let (status, took) = todo.end(signal);
        assert_eq!(status, Some(0), "{signal}");
        assert!(took < END_MAX, "{signal}: {took:?}");
    }
    let todo = Todo::open(&place);
    let listed = todo.client(&place, "ada@example.org").get("/api/todos").is(200).json();
    assert_eq!(listed["todos"].as_array().map(Vec::len), Some(2));
    drop(todo);
    place.remove();
}

#[test]
fn a_token_is_made_whether_or_not_it_runs() {
    let place = Place::sqlite("tokens");
    let before = token(&place, "Ada@Example.org");
    let todo = Todo::open(&place);
    let while_open = token(&place, "ada@example.org");
    assert_ne!(before, while_open);
    for token in [before, while_open] {
        Client::new(&todo.address, Some(token)).get("/api/todos").is(200);
    }
    let refused = run(&place, &["user", "add", "not an address"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("email"),
        "{refused:?}"
    );
    drop(todo);
    place.remove();
}

#[test]
fn who_comes_second_is_told_who_holds_the_data() {
    let place = Place::sqlite("second");
    let todo = Todo::open(&place);
    let second = run(&place, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("process") && second.stdout.is_empty(), "{told}");
    let taken = run(&place, &["up", "--listen", &todo.address]);
    assert!(
        String::from_utf8_lossy(&taken.stderr).contains("--listen 127.0.0.1:0"),
        "{taken:?}"
    );
    let version = run(&place, &["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("todo "));
    drop(todo);
    place.remove();
}

#[test]
fn the_doctor_says_what_is_wrong() {
    let place = Place::sqlite("doctor");
    let fresh = run(&place, &["doctor", "--set", "front.listen=127.0.0.1:0"]);
    assert_eq!(fresh.status.code(), Some(0), "{fresh:?}");
    let todo = Todo::open(&place);
    let running = run(&place, &["doctor", "--json", "--set", "front.listen=127.0.0.1:0"]);
    assert_eq!(running.status.code(), Some(0), "{running:?}");
    let findings: serde_json::Value = serde_json::from_slice(&running.stdout).expect("it is JSON");
    let databases = findings
        .as_array()
        .expect("a list")
        .iter()
        .filter(|finding| finding["found"].to_string().contains("held by process"));
    assert_eq!(databases.count(), 4, "{findings}");
    drop(todo);
    let wrong = [
        "doctor",
        "--set",
        "tiers.mail=smtp://127.0.0.1:1",
        "--set",
        "front.certificate=missing.pem",
        "--set",
        "front.key=missing.pem",
        "--set",
        "front.listen=203.0.113.1:80",
    ];
    let wrong = run(&place, &wrong);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
    for part in [
        "mail: see that",
        "certificate: write the chain",
        "address: stop what listens",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    place.remove();
}

#[test]
fn https_is_served_and_http_leads_to_it() {
    let place = Place::sqlite("https");
    let todo = Todo::open_with(
        &place,
        &["--listen-tls", "127.0.0.1:0", "--set", "front.listen=127.0.0.1:0"],
    );
    // The printed address is that of HTTPS; its certificate is one for development, which nobody else signed.
    let certificate = place.folder.join("data/tls/development.pem");
    let secure = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &todo.address,
            "-servername",
            "localhost",
            "-verify_hostname",
            "localhost",
            "-CAfile",
        ])
        .arg(certificate)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl runs");
    let told = String::from_utf8_lossy(&secure.stdout).into_owned();
    assert!(told.contains("TLSv1.3") && told.contains("Verification: OK"), "{told}");
    assert!(told.contains("Verified peername: localhost"), "{told}");
    let redirects = until("the address of HTTP", || {
        let said = todo.said();
        let line = said.lines().find(|line| line.contains("redirects to HTTPS"))?;
        Some(line.split('"').nth(1).expect("an address").to_owned())
    });
    let answer = Client::new(&redirects, None).get("/api/todos?q=x");
    assert!((301..=308).contains(&answer.status), "{answer:?}");
    let to = answer.header("location").expect("where to");
    let port = todo.address.rsplit(':').next().expect("a port");
    assert_eq!(to, format!("https://127.0.0.1:{port}/api/todos?q=x"));
    drop(todo);
    place.remove();
}

#[test]
fn the_operators_pages_open_once_by_an_address_that_was_printed() {
    let place = Place::sqlite("admin");
    let todo = Todo::open(&place);
    let path = |admin: &str| {
        let rest = admin.strip_prefix("http://").expect("an address").to_owned();
        let (address, path) = rest.split_once('/').expect("a path");
        (Client::new(address, None), format!("/{path}"))
    };
    let (pages, first) = path(&todo.admin);
    pages.get("/").is(401);
    pages.ask("GET", &first, &[("host", "evil.example")], None).is(400);
    Mailbox::open(&todo.admin).messages();
    pages.get(&first).is(401);
    let again = run(&place, &["admin"]);
    let again = String::from_utf8(again.stdout).expect("it is text");
    let (pages, second) = path(again.trim_end());
    let entered = pages.get(&second).is(303);
    let cookie = entered.header("set-cookie").expect("a session");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().expect("a pair");
    for page in ["/", "/mailbox", "/jobs", "/jobs?state=parked"] {
        let answer = pages.ask("GET", page, &[("cookie", cookie)], None).is(200);
        assert!(String::from_utf8_lossy(&answer.body).contains("<main>"), "{page}");
    }
    let forged = [("cookie", cookie), ("origin", "http://evil.example")];
    let nothing = "/jobs/Todos/00000000-0000-0000-0000-000000000000";
    pages.ask("POST", nothing, &forged, Some(b"action=cancel")).is(403);
    drop(todo);
    place.remove();
}
