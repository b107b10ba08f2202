//! The greeting with a component in Python in the middle: made, killed, wrong, slow, and replaced again.
#![cfg(all(unix, not(feature = "simulate")))]
#![allow(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

const HELLO: &str = env!("CARGO_BIN_EXE_hello");
const EXTERNAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/external.toml");
const ODD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/odd_names.py");

fn hello(arguments: &[&str]) -> Command {
    let mut command = Command::new(HELLO);
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn check(arguments: &[&str], status: i32, out: &str, errors: &[&str]) {
    let Output {
        status: ended,
        stdout,
        stderr,
    } = hello(arguments).output().expect("hello runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(ended.code(), Some(status), "{arguments:?}: {stderr}");
    assert_eq!(stdout, out, "{arguments:?}: {stderr}");
    for error in errors {
        assert!(stderr.contains(error), "{arguments:?}: `{error}` is not in {stderr}");
    }
}

/// The setting that makes a program the component `Names`.
fn program(command: &[&str]) -> String {
    format!("external.Names.command={command:?}")
}

/// A `hello` that serves; it is killed with the test.
struct Server {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    fn spawn(command: &mut Command) -> Server {
        command.args(["serve", "--service-listen", "127.0.0.1:0"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hello runs");
        let log: Arc<Mutex<String>> = Arc::default();
        let (written, errors) = (log.clone(), child.stderr.take().expect("its log is piped"));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                *written.lock().expect("nobody panicked") += &format!("{line}\n");
            }
        });
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("`{line}`: {}", log.lock().expect("nobody panicked")));
        Server {
            address: address.to_owned(),
            child,
            log,
        }
    }

    fn odd() -> Server {
        Server::spawn(&mut hello(&["--set", &program(&["python3", ODD])]))
    }

    /// Status and body of a greeting within so much time.
    fn greet(&self, name: &str, timeout_ms: u32) -> (String, serde_json::Value) {
        self.post("/Greeter/greet", name, timeout_ms)
    }

    fn post(&self, path: &str, name: &str, timeout_ms: u32) -> (String, serde_json::Value) {
        let body = serde_json::json!({ "name": name }).to_string();
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnect-timeout-ms: {timeout_ms}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").to_owned();
        (status, serde_json::from_str(body).expect("JSON"))
    }

    /// The number of the process that is `Names`, once it answers.
    fn names(&self) -> String {
        const ATTEMPTS_MAX: u32 = 1000;
        for _ in 0..ATTEMPTS_MAX {
            match self.greet("pid", 60_000) {
                (status, greeting) if status == "200" => {
                    let greeting = greeting.as_str().expect("a text");
                    return greeting.trim_start_matches("Hello, ").trim_end_matches('!').to_owned();
                }
                (_, error) => assert_eq!(error["code"], "unavailable", "{error}"),
            }
        }
        panic!(
            "`Names` is not started again: {}",
            self.log.lock().expect("nobody panicked")
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, process: &str) {
    let sent = Command::new("kill").args([name, process]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn the_greeting_has_a_component_in_python_in_the_middle() {
    let config = ["--config", EXTERNAL];
    check(
        &[&config[..], &["greet", "Ada"]].concat(),
        0,
        "Hello, Countess Ada!\n",
        &[],
    );
    check(&[&config[..], &["greet", "World"]].concat(), 0, "Hello, World!\n", &[]);
    let error = "error: nobody is greeted: a name has 1 to 100 characters, not 0";
    check(&[&config[..], &["greet", ""]].concat(), 1, "", &[error]);
}

#[test]
fn a_component_is_replaced_by_a_program_and_back_by_configuration_only() {
    check(&["greet", "Ada"], 0, "Hello, Ada!\n", &[]);
    let described = |arguments: &[&str]| {
        let output = hello(&[arguments, &["describe"]].concat())
            .output()
            .expect("hello runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(described(&["--config", EXTERNAL]).contains("external: python3 names.py"));
    assert!(!described(&[]).contains("external"));
    let output = hello(&["--config", EXTERNAL, "describe", "--json"])
        .output()
        .expect("hello runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["components"][1]["external"], "python3 names.py");
    assert_eq!(document["components"][0].get("external"), None);
    // A component of ours, over the same face.
    let titles = "components.Names.config={ titles = { Ada = \"Baroness\" } }";
    let server = Server::spawn(&mut hello(&["--set", titles]));
    let url = format!("external.Names.url=http://{}", server.address);
    check(&["--set", &url, "greet", "Ada"], 0, "Hello, Baroness Ada!\n", &[]);
    assert!(described(&["--set", &url]).contains(&format!("external: http://{}", server.address)));
}

#[test]
fn other_processes_reach_the_program_through_the_one_that_has_it() {
    let server = Server::spawn(&mut hello(&["--config", EXTERNAL]));
    let (status, salutation) = server.post("/Names/address", "Ada", 60_000);
    assert_eq!(status, "200", "{salutation}");
    assert_eq!(salutation, serde_json::json!({ "title": "Countess", "name": "Ada" }));
    let at = format!("components.Names.at=\"{}\"", server.address);
    check(
        &["--set", &at, "greet", "Grace"],
        0,
        "Hello, Rear Admiral Grace!\n",
        &[],
    );
}

#[test]
fn a_program_that_was_killed_is_unavailable_by_the_deadline_and_started_again() {
    let server = Server::odd();
    let first = server.names();
    signal("-KILL", &first);
    let (status, answer) = server.greet("Ada", 60_000);
    assert!(status == "200" || answer["code"] == "unavailable", "{answer}");
    let second = server.names();
    assert_ne!(second, first);
    // It ends in the middle of each attempt.
    let (status, error) = server.greet("dies", 60_000);
    assert_eq!(
        (status.as_str(), error["code"].as_str()),
        ("503", Some("unavailable")),
        "{error}"
    );
    assert_ne!(server.names(), second);
    let log = server.log.lock().expect("nobody panicked").clone();
    for told in [
        "it ended: signal: 9 (SIGKILL)",
        "a last word",
        "it ended: exit status: 3",
        "it is started again in",
    ] {
        assert!(log.contains(told), "`{told}` is not in {log}");
    }
}

#[test]
fn a_wrong_answer_is_an_error_that_names_the_field() {
    let odd = program(&["python3", ODD]);
    let error = "error: incompatible: the answer of `Names.address` at its program cannot be read: ";
    for (name, field) in [("wrong", "at `name`: "), ("wrong error", "at `Length.chars`: ")] {
        check(&["--set", &odd, "greet", name], 1, "", &[error, field, "may have run"]);
    }
    check(
        &["--set", &odd, "greet", "bug"],
        1,
        "",
        &["error: failed: ", "`internal`", "ValueError: a bug"],
    );
}

#[test]
fn a_slow_program_is_given_up_at_the_deadline() {
    let server = Server::odd();
    let (status, error) = server.greet("slow", 300);
    assert_eq!(
        (status.as_str(), error["code"].as_str()),
        ("504", Some("deadline_exceeded")),
        "{error}"
    );
    let (status, greeting) = server.greet("Ada", 60_000);
    assert_eq!(
        (status.as_str(), greeting.as_str()),
        ("200", Some("Hello, Countess Ada!"))
    );
}

#[test]
fn a_read_that_was_cut_off_is_made_again_with_the_same_key() {
    let server = Server::odd();
    let (status, greeting) = server.greet("cut once", 60_000);
    assert_eq!(
        (status.as_str(), greeting.as_str()),
        ("200", Some("Hello, cut once!")),
        "{greeting}"
    );
}

#[test]
fn the_program_ends_with_its_parent_however_that_ends() {
    for how in ["-TERM", "-KILL"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port().to_string();
        let mut command = hello(&["--set", &program(&["python3", ODD])]);
        let mut server = Server::spawn(command.env("HELLO_LIFE", port));
        let (mut life, _) = listener.accept().expect("the program lives");
        server.names();
        signal(how, &server.child.id().to_string());
        // It is reset or it ends, when the process does that holds the other end.
        let ended = life.read(&mut [0]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{how}: {ended:?}");
        let status = server.child.wait().expect("it ends");
        assert!(how == "-KILL" || status.code() == Some(0), "{how}: {status}");
    }
}

#[test]
fn a_program_that_does_not_serve_stops_the_start_with_its_last_word() {
    let wrong = "external component `Names`: `python3 -c raise SystemExit('no names today')` ended before it answered: \
                 exit status: 1; its last line: no names today";
    check(
        &[
            "--set",
            &program(&["python3", "-c", "raise SystemExit('no names today')"]),
            "greet",
        ],
        1,
        "",
        &[wrong],
    );
    let missing = "external component `Names`: `no-such-program` cannot be started";
    check(&["--set", &program(&["no-such-program"]), "greet"], 1, "", &[missing]);
    let (unknown, told) = (
        "external.Nmes.url=http://127.0.0.1:1",
        "no component is called `Nmes`; did you mean `Names`?",
    );
    check(&["--set", unknown, "greet"], 1, "", &[told]);
    let refused = "error: unavailable: http://127.0.0.1:1: cannot connect to 127.0.0.1:1: ";
    check(
        &["--set", "external.Names.url=http://127.0.0.1:1", "greet"],
        1,
        "",
        &[refused],
    );
}
