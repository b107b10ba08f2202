//! Programs are started, or it is said why not; none outlives its supervisor.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "a test waits for real processes to end")]

use std::io::Read;
use std::net::TcpListener;

use deploy::{Child, Supervisor};
use world::Env;
use world::memory::World;

/// Serves HTTP where it was told, and holds a connection to the port of its argument for as long as it lives.
const SERVE: &str = "
import http.server, os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
life = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
host, port = os.environ['TERRACE_EXTERNAL_ADDRESS'].split(':')
assert len(os.environ['TERRACE_EXTERNAL_TOKEN']) == 32
http.server.HTTPServer((host, int(port)), http.server.BaseHTTPRequestHandler).serve_forever()
";

fn python(component: &str, script: &str, argument: &str) -> Child {
    Child {
        component: component.to_owned(),
        command: ["python3", "-c", script, argument].map(str::to_owned).into(),
        folder: None,
        secrets: Default::default(),
    }
}

/// A port at which programs say that they live.
fn lives() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    (listener, port)
}

/// Waits until the program at the other end has ended.
fn has_ended(listener: &TcpListener) {
    let (mut life, _) = listener.accept().expect("it lived");
    let ended = life.read(&mut [0]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn programs_that_answer_are_known_and_end_with_their_supervisor() {
    let ((stopped, first), (dropped, second)) = (lives(), lives());
    let env = Env::production("test");
    let supervisor = Supervisor::start(&env, vec![python("A", SERVE, &first)])
        .await
        .expect("it serves");
    assert!(supervisor.whereabouts().contains_key("A"));
    supervisor.stop().await;
    has_ended(&stopped);
    let supervisor = Supervisor::start(&env, vec![python("B", SERVE, &second)])
        .await
        .expect("it serves");
    drop(supervisor);
    env.blocking("wait", move || has_ended(&dropped))
        .await
        .expect("it has ended");
}

#[tokio::test]
async fn where_one_does_not_start_all_end_again() {
    let (listener, port) = lives();
    let env = Env::production("test");
    let children = vec![
        python("A", SERVE, &port),
        python("B", "raise SystemExit('not today')", ""),
    ];
    let error = Supervisor::start(&env, children)
        .await
        .err()
        .expect("one does not serve");
    assert_eq!(error.component, "B");
    assert!(error.why.ends_with("its last line: not today"), "{error}");
    env.blocking("wait", move || has_ended(&listener))
        .await
        .expect("it has ended");
}

#[test]
fn in_a_world_without_programs_it_is_said_that_there_are_none() {
    let world = World::new(1);
    let started = world.run(Supervisor::start(&world.node("a"), vec![python("A", SERVE, "1")]));
    let error = started.err().expect("it has no programs");
    assert!(error.why.contains("node `a` starts no programs"), "{error}");
}
