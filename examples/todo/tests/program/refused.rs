//! Addresses that lead where nobody from outside may ask, and servers that mean harm: each is refused with its reason.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::client::Client;
use crate::feed::{OFTEN, add, stands, text, todos};
use crate::place::Place;
use crate::played::{Asked, Played, Reply};
use crate::todo::Todo;

/// Bytes of a body once it is unpacked, which are few when it is packed.
const BOMB_BYTES: usize = 64 << 20;

#[test]
fn an_address_that_is_not_public_is_refused_when_it_is_added() {
    let place = Place::sqlite("private-addresses");
    let todo = Todo::open(&place);
    let ada = todo.client(&place, "ada@example.org");
    for (url, why) in [
        ("http://127.0.0.1/a.ics", "the machine itself"),
        ("http://127.0.0.1:8080/a.ics", "the machine itself"),
        ("https://10.0.0.1/a.ics", "in a private network"),
        (
            "http://169.254.169.254/latest/meta-data/",
            "where clouds keep their metadata",
        ),
        ("http://[::1]/a.ics", "the machine itself"),
        ("http://[::ffff:127.0.0.1]/a.ics", "the machine itself"),
        ("http://[::ffff:a00:1]/a.ics", "in a private network"),
        ("http://0.0.0.0/a.ics", "no address of a host"),
        ("webcal://192.168.1.1/a.ics", "in a private network"),
        // Names, and what a resolver takes for an address: where they lead is not told.
        ("http://localhost/a.ics", "into a network that is not public"),
        ("http://2130706433/a.ics", "into a network that is not public"),
        ("http://0x7f.1/a.ics", "into a network that is not public"),
        ("http://0177.0.0.1/a.ics", "into a network that is not public"),
        (
            "file:///etc/passwd",
            "only addresses that begin with http:// or https://",
        ),
        (
            "ftp://example.org/a.ics",
            "only addresses that begin with http:// or https://",
        ),
        (
            "data:text/calendar,BEGIN:VCALENDAR",
            "only addresses that begin with http:// or https://",
        ),
        ("https://ada:secret@example.org/a.ics", "leave name and password out"),
        ("example.org/a.ics", "write a whole address"),
        ("", "write an address"),
    ] {
        let refused = ada.post("/api/sources", &json!({ "url": url })).is(422).json();
        assert_eq!(refused["field"], "url", "{url}: {refused}");
        assert!(text(&refused["detail"]).contains(why), "{url}: {refused}");
    }
    assert_eq!(ada.get("/api/sources").is(200).json(), json!({ "sources": [] }));
    drop(todo);
    place.remove();
}

#[test]
fn what_leads_or_has_come_to_lead_to_a_private_address_is_shown_as_failing() {
    let place = Place::sqlite("private-redirects");
    let todo = Todo::open_with(&place, &OFTEN);
    let ada = todo.client(&place, "ada@example.org");
    let played = Played::open(|asked| match asked.path.split_once("to=") {
        Some((_, to)) => Reply::new(302, "").with("location", to.replace("%3F", "?")),
        None => Reply::new(200, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
    });
    let mut added = Vec::new();
    for (to, why) in [
        ("http://10.0.0.1/a.ics", "10.0.0.1, which is in a private network"),
        ("http://127.0.0.2/a.ics", "127.0.0.2, which is the machine itself"),
        ("http://[::1]/a.ics", "::1, which is the machine itself"),
        ("//169.254.169.254/latest", "where clouds keep their metadata"),
        ("http://2130706434/a.ics", "into a network that is not public"),
        (
            "file:///etc/passwd",
            "only addresses that begin with http:// or https://",
        ),
        (
            "/again?to=/again?to=/again?to=/again?to=/again?to=/",
            "redirects more than 3 times",
        ),
    ] {
        let source = add(&ada, &format!("http://{}/go?to={to}", played.address));
        added.push((source, why));
    }
    for (source, why) in added {
        fails(&ada, &source, why);
    }
    // What was allowed once, and is not any more: an address is checked whenever it is asked.
    let source = add(&ada, &format!("http://{}/a.ics", played.address));
    stands(&ada, &source, "well");
    drop(todo);
    let todo = Todo::open_with(&place, &OFTEN[2..]);
    let ada = Client::new(&todo.address, ada.token);
    fails(&ada, &source, "127.0.0.1, which is the machine itself");
    drop(todo);
    place.remove();
}

#[test]
fn an_answer_that_is_no_calendar_too_large_or_does_not_end_is_shown_as_failing() {
    let place = Place::sqlite("bad-calendars");
    let todo = Todo::open_with(&place, &OFTEN);
    let ada = todo.client(&place, "ada@example.org");
    let played = Played::open(harmful);
    let mut added = Vec::new();
    for (path, why) in [
        ("bomb", "larger than 5 MiB once it is unpacked"),
        ("bombs", "larger than 5 MiB once it is unpacked"),
        ("large", "larger than 5 MiB"),
        ("endless", "larger than 5 MiB"),
        ("silence", "did not end within 10 s"),
        ("missing", "it answered 404"),
        ("page", "it does not begin with BEGIN:VCALENDAR"),
        ("cut", "ends in the middle"),
        ("torn", "cannot be unpacked"),
        ("brotli", "`br` is not known here"),
        ("busy", "wants to be left alone for a while"),
        ("busy-until", "wants to be left alone for a while"),
    ] {
        let state = if path.starts_with("busy") { "waiting" } else { "failing" };
        added.push((add(&ada, &format!("http://{}/{path}", played.address)), state, why));
    }
    for (source, state, why) in added {
        let shown = stands(&ada, &source, state);
        assert!(text(&shown["reason"]).contains(why), "{shown}");
        assert!(shown["next_at"].is_string(), "it is tried again: {shown}");
    }
    assert_eq!(todos(&ada), []);
    drop(todo);
    place.remove();
}

#[test]
fn what_is_wrong_with_a_source_is_told_with_its_field() {
    let place = Place::sqlite("wrong-sources");
    let todo = Todo::open_with(&place, &OFTEN);
    let (ada, eve) = (
        todo.client(&place, "ada@example.org"),
        todo.client(&place, "eve@example.org"),
    );
    let played = Played::open(harmful);
    let url = format!("http://{}/page", played.address);
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": 7 }), "url"),
        (
            json!({ "url": format!("https://example.org/{}", "x".repeat(2_000)) }),
            "url",
        ),
        (json!({ "url": url, "name": "x".repeat(101) }), "name"),
        (json!({ "url": url, "name": "a\nb" }), "name"),
        (json!({ "url": url, "colour": "red" }), "colour"),
    ] {
        let told = ada.post("/api/sources", &body).is(422).json();
        assert!(told.to_string().contains(field), "{body}: {told}");
    }
    let added = add(&ada, &url);
    let again = ada.post("/api/sources", &json!({ "url": url })).is(409).json();
    assert!(text(&again["detail"]).contains("is a source already"), "{again}");
    for number in 1..20 {
        add(&ada, &format!("{url}?{number}"));
    }
    let full = ada
        .post("/api/sources", &json!({ "url": format!("{url}?20") }))
        .is(409)
        .json();
    assert!(text(&full["detail"]).contains("there are 20 sources already"), "{full}");
    // Nobody else's.
    let one = format!("/api/sources/{}", text(&added["id"]));
    eve.get(&one).is(404);
    eve.delete(&one).is(404);
    eve.ask("POST", &format!("{one}/poll"), &[], Some(b"{}")).is(404);
    assert_eq!(eve.get("/api/sources").is(200).json(), json!({ "sources": [] }));
    ada.get("/api/sources/1").is(404);
    ada.delete(&one).is(204);
    ada.delete(&one).is(404);
    drop(todo);
    place.remove();
}

#[test]
fn nobody_has_a_server_asked_again_and_again() {
    let place = Place::sqlite("asked-often");
    let todo = Todo::open_with(&place, &OFTEN[..2]);
    let ada = todo.client(&place, "ada@example.org");
    let played = Played::open(harmful);
    let source = add(&ada, &format!("http://{}/page", played.address));
    stands(&ada, &source, "failing");
    let poll = format!("/api/sources/{}/poll", text(&source["id"]));
    for _ in 0..20 {
        let shown = ada.ask("POST", &poll, &[], None).is(202).json();
        assert_eq!(shown["id"], source["id"]);
    }
    // Jobs that were to come would have come by now.
    let other = add(&ada, &format!("http://{}/missing", played.address));
    stands(&ada, &other, "failing");
    assert_eq!(played.asked("/page").len(), 1);
    drop(todo);
    place.remove();
}

#[track_caller]
fn fails(client: &Client, source: &Value, why: &str) {
    let shown = stands(client, source, "failing");
    assert!(text(&shown["reason"]).contains(why), "{why}: {shown}");
}

fn harmful(asked: &Asked) -> Reply {
    match asked.path.trim_start_matches('/') {
        "bomb" => Reply::new(200, packed(&vec![b'X'; BOMB_BYTES])).with("content-encoding", "gzip"),
        // Several, one behind the other, each of which is small.
        "bombs" => Reply::new(200, packed(&vec![b'X'; 1 << 20]).repeat(8)).with("content-encoding", "gzip"),
        "large" => Reply::new(200, vec![b'X'; 6 << 20]),
        "endless" => Reply::Endless,
        "silence" => Reply::Silence,
        "missing" => Reply::new(404, "no"),
        "cut" => Reply::new(200, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"),
        "torn" => {
            Reply::new(200, &packed(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")[..20]).with("content-encoding", "gzip")
        }
        "brotli" => Reply::new(200, "x").with("content-encoding", "br"),
        "busy" => Reply::new(503, "").with("retry-after", "3600"),
        "busy-until" => Reply::new(503, "").with("retry-after", "Fri, 06 Nov 2099 08:49:37 GMT"),
        _ => Reply::new(200, "<html>"),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
    packing.write_all(bytes).expect("memory");
    packing.finish().expect("memory")
}
