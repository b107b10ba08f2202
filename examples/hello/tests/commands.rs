//! The commands of `hello`, as a person runs them.
#![cfg(not(feature = "simulate"))]
#![allow(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const HELLO: &str = env!("CARGO_BIN_EXE_hello");

/// `hello`, in a folder without a `terrace.toml`.
fn hello(arguments: &[&str]) -> Command {
    let mut command = Command::new(HELLO);
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Output {
    hello(arguments).output().expect("hello runs")
}

/// Status, standard output, standard error.
fn check(arguments: &[&str], status: i32, out: &str, error: &str) {
    let output = run(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        output.status.code(),
        Some(status),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    assert_eq!(text(&output.stdout), out, "{arguments:?}");
    assert!(
        text(&output.stderr).contains(error),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
}

/// A `hello` that serves; it is killed with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Server {
        Server::spawn(hello(arguments).stderr(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("hello runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = match line.trim().strip_prefix("listening on ") {
            Some(address) => address.to_owned(),
            None => {
                let said: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
                said["listening"].as_str().expect("an address").to_owned()
            }
        };
        Server { child, address }
    }

    fn serve() -> Server {
        Server::start(&["serve", "--service-listen", "127.0.0.1:0"])
    }

    /// Status and body of a POST, as curl makes it.
    fn post(&self, path: &str, host: &str, body: &str) -> (String, serde_json::Value) {
        self.post_with(path, &format!("host: {host}\r\n"), body)
    }

    fn post_with(&self, path: &str, headers: &str, body: &str) -> (String, serde_json::Value) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!(
            "POST {path} HTTP/1.1\r\n{headers}content-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").to_owned();
        (status, serde_json::from_str(body).expect("JSON"))
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_components_greet_in_one_process() {
    check(&[], 0, "Hello, World!\n", "");
    check(&["greet", "Ada"], 0, "Hello, Ada!\n", "");
    check(&["greet", "Ada", "--json"], 0, "\"Hello, Ada!\"\n", "");
    check(
        &["greet", ""],
        1,
        "",
        "error: nobody is greeted: a name has 1 to 100 characters, not 0",
    );
}

#[test]
fn the_same_greeting_comes_over_the_wire() {
    for arguments in [
        &["serve", "--service-listen", "127.0.0.1:0"][..],
        &["up", "--service-listen", "127.0.0.1:0", "--json"],
    ] {
        let server = Server::start(arguments);
        check(&["call", "--at", &server.address, "Ada"], 0, "Hello, Ada!\n", "");
        check(
            &["call", "--at", &server.address, ""],
            1,
            "",
            "error: nobody is greeted: a name has 1 to 100",
        );
    }
}

#[test]
fn http_is_answered_on_the_same_port() {
    let server = Server::serve();
    let local = server.address.as_str();
    let (status, answer) = server.post("/Greeter/greet", local, r#"{"name":"Ada"}"#);
    assert_eq!((status.as_str(), answer.as_str()), ("200", Some("Hello, Ada!")));
    for (path, host, body, status, code) in [
        ("/Greeter/greet", local, "{nope", "400", "invalid_argument"),
        ("/Greeter/greet", local, "{}", "400", "invalid_argument"),
        ("/Greeter/greet", local, r#"{"name":7}"#, "400", "invalid_argument"),
        ("/Greeter/gret", local, r#"{"name":"Ada"}"#, "501", "unimplemented"),
        ("/Greter/greet", local, r#"{"name":"Ada"}"#, "501", "unimplemented"),
        (
            "/Greeter/greet",
            "evil.example",
            r#"{"name":"Ada"}"#,
            "403",
            "permission_denied",
        ),
        ("/Names/address", local, r#"{"name":""}"#, "400", "invalid_argument"),
    ] {
        let (answered, error) = server.post(path, host, body);
        assert_eq!(
            (answered.as_str(), error["code"].as_str()),
            (status, Some(code)),
            "{path} {body}: {error}"
        );
    }
}

/// The path of a configuration for this test.
fn config(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("the path is text").to_owned()
}

#[test]
fn where_a_component_runs_is_a_setting() {
    let path = config(
        "titles.toml",
        "[components.Names]\nconfig = { titles = { Ada = \"Countess\" } }\n",
    );
    check(&["--config", &path, "greet", "Ada"], 0, "Hello, Countess Ada!\n", "");
    let server = Server::start(&["--config", &path, "serve", "--service-listen", "127.0.0.1:0"]);
    let path = config(
        "elsewhere.toml",
        &format!("[components.Names]\nat = \"{}\"\n", server.address),
    );
    check(&["--config", &path, "greet", "Ada"], 0, "Hello, Countess Ada!\n", "");
    let described = run(&["--config", &path, "describe"]).stdout;
    assert!(String::from_utf8_lossy(&described).contains(&format!("at {}", server.address)));
    drop(server);
    check(&["--config", &path, "greet", "Ada"], 1, "", "error: unavailable");
}

#[test]
fn beyond_loopback_only_the_token_lets_in() {
    let text = "[service]\ntoken = { env = \"HELLO_TOKEN\" }\n[face]\nhosts = [\"hello.example\"]\n";
    let path = config("token.toml", text);
    let mut serve = hello(&["--config", &path, "serve", "--service-listen", "0.0.0.0:0"]);
    let mut server = Server::spawn(serve.env("HELLO_TOKEN", "open-sesame").stderr(Stdio::null()));
    server.address = server.address.replace("0.0.0.0", "127.0.0.1");

    let call = ["--config", &path, "call", "--at", &server.address, "Ada"];
    let output = hello(&call)
        .env("HELLO_TOKEN", "open-sesame")
        .output()
        .expect("hello runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Hello, Ada!\n");
    let output = hello(&call).env("HELLO_TOKEN", "simsim").output().expect("hello runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("denied") && error.contains("the token is missing or wrong"),
        "{error}"
    );

    for (headers, status) in [
        ("host: hello.example\r\nauthorization: Bearer open-sesame\r\n", "200"),
        ("host: hello.example\r\nauthorization: Bearer simsim\r\n", "401"),
        ("host: hello.example\r\n", "401"),
        ("host: 127.0.0.1\r\nauthorization: Bearer open-sesame\r\n", "403"),
    ] {
        let (answered, error) = server.post_with("/Greeter/greet", headers, r#"{"name":"Ada"}"#);
        assert_eq!(answered, status, "{headers}: {error}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_the_next_step() {
    check(
        &["serve", "--service-listen", "0.0.0.0:7001"],
        1,
        "",
        "set `token = { env = \"..\" }` in [service], or listen on 127.0.0.1",
    );
    let server = Server::serve();
    check(&["serve", "--service-listen", &server.address], 1, "", "is in use");
    check(&["serve", "--service-listen", "7001"], 2, "", "write host and port");
    check(&["serve"], 1, "", "give --service-listen 127.0.0.1:7001");
}

#[test]
fn a_wrong_command_line_has_status_2() {
    check(&["gret"], 2, "", "a similar subcommand exists: 'greet'");
    check(&["call", "Ada"], 2, "", "--at");
    check(&["greet", "Ada", "Bob"], 2, "", "unexpected argument 'Bob'");
}

#[test]
fn a_server_that_is_missing_is_a_clear_error() {
    // Port 1 is nobody's on a machine of today.
    check(
        &["call", "--at", "127.0.0.1:1", "Ada"],
        1,
        "",
        "error: unavailable: cannot connect to 127.0.0.1:1: ",
    );
    check(
        &["call", "--at", "nowhere", "Ada"],
        1,
        "",
        "`nowhere` is not an address",
    );
}

#[test]
fn a_server_that_was_killed_is_a_clear_error() {
    let mut server = Server::serve();
    check(&["call", "--at", &server.address, "Ada"], 0, "Hello, Ada!\n", "");
    server.child.kill().expect("it runs");
    server.child.wait().expect("it ends");
    check(&["call", "--at", &server.address, "Ada"], 1, "", "error: unavailable");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_asked_to_end_ends_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::serve();
        // A peer that is connected and says nothing does not hold it up.
        let _silent = TcpStream::connect(&server.address).expect("it listens");
        check(&["call", "--at", &server.address, "Ada"], 0, "Hello, Ada!\n", "");
        server.signal(signal);
        let status = server.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(TcpStream::connect(&server.address).is_err(), "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_ends_with_its_terminal_unless_it_is_started_to_outlive_it() {
    let serve = |how: &str| {
        let mut command = Command::new("env");
        command.args([how, HELLO, "serve", "--service-listen", "127.0.0.1:0"]);
        Server::spawn(command.current_dir(env!("CARGO_TARGET_TMPDIR")).stderr(Stdio::null()))
    };
    let mut ends = serve("--default-signal=HUP");
    ends.signal("-HUP");
    assert_eq!(ends.child.wait().expect("it ends").code(), Some(0));
    // As by `nohup`.
    let mut stays = serve("--ignore-signal=HUP");
    stays.signal("-HUP");
    check(&["call", "--at", &stays.address, "Ada"], 0, "Hello, Ada!\n", "");
    stays.signal("-TERM");
    assert_eq!(stays.child.wait().expect("it ends").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let mut server = Server::spawn(hello(&["serve", "--service-listen", "127.0.0.1:0"]).stderr(Stdio::piped()));
    let mut request = TcpStream::connect(&server.address).expect("it listens");
    let head = format!(
        "POST /Greeter/greet HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: 14\r\n\r\n",
        server.address
    );
    request.write_all(head.as_bytes()).expect("it reads");
    // It has begun to read a body that never comes, so that it has something to drain.
    let mut proceed = [0; 12];
    request.read_exact(&mut proceed).expect("it answers");
    assert_eq!(&proceed, b"HTTP/1.1 100");
    server.signal("-INT");
    let log = BufReader::new(server.child.stderr.take().expect("its log is piped"));
    let draining = log.lines().map_while(Result::ok).find(|line| line.contains("draining"));
    assert!(draining.is_some());
    server.signal("-INT");
    assert_eq!(server.child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut child = hello(&["describe", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hello runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn describe_shows_both_components_and_who_calls_whom() {
    let output = run(&["describe", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["components"][0]["owner"], "front-desk");
    assert_eq!(document["components"][1]["owner"], "registry");
    assert_eq!(
        document["calls"],
        serde_json::json!([{ "caller": "Greeter", "callee": "Names" }])
    );
    let output = run(&["describe"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("greet(name: String) -> String"));
}

#[test]
fn a_release_is_checked_against_a_program_or_what_it_said() {
    let same = "0.1.0 to 0.1.0: nothing differs that another process could see\n";
    check(&["check", "--against", HELLO], 0, same, "");
    let said = String::from_utf8(run(&["describe", "--json"]).stdout).expect("text");
    // In the release before, a greeting was for several.
    let mut before: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let names = &mut before["components"][1]["interface"]["methods"][0]["arguments"][0];
    names["type"] = serde_json::json!({ "sequence": "string" });
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("before.json");
    std::fs::write(&kept, before.to_string()).expect("the file is written");
    let output = run(&["check", "--against", kept.to_str().expect("text")]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    for shown in ["1 breaking", "Greeter -> Names.address", "front-desk -> registry"] {
        assert!(report.contains(shown), "`{shown}` is not in\n{report}");
    }
    check(
        &["check", "--against", "/bin/false"],
        2,
        "",
        "describe --json ended with",
    );
    // One that does not know what this release configures is asked without it.
    let older = Path::new(env!("CARGO_TARGET_TMPDIR")).join("older.sh");
    let text = format!("#!/bin/sh\ncase \"$*\" in *Names.at*) exit 1 ;; esac\nexec '{HELLO}' \"$@\"\n");
    std::fs::write(&older, text).expect("the file is written");
    std::fs::set_permissions(&older, Permissions::from_mode(0o755)).expect("it is a program");
    let set = "components.Names.at=127.0.0.1:9";
    check(
        &["check", "--set", set, "--against", older.to_str().expect("text")],
        0,
        same,
        "",
    );
    // One that says too much is not listened to for ever.
    let endless = Path::new(env!("CARGO_TARGET_TMPDIR")).join("endless.sh");
    std::fs::write(&endless, "#!/bin/sh\nexec yes words\n").expect("the file is written");
    std::fs::set_permissions(&endless, Permissions::from_mode(0o755)).expect("it is a program");
    check(
        &["check", "--against", endless.to_str().expect("text")],
        2,
        "",
        "says more than",
    );
    // Nor does it count who reads the verdict, or whether it comes through a pipe.
    let piped = format!(
        "cat '{}' | '{HELLO}' check --against /dev/stdin | true; exit ${{PIPESTATUS[1]}}",
        kept.display()
    );
    let status = Command::new("bash").args(["-c", &piped]).status().expect("bash runs");
    assert_eq!(status.code(), Some(1));
}
