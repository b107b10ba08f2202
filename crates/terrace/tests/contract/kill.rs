//! A server that is killed with 10,000 calls in flight: every call ends by its deadline with a certainty that the
//! server's own log bears out.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use terrace::{Address, CallError, CallErrorKind, Client, Cx, Env, Ref};

use crate::placement::{run, serve_until_the_parent_ends, spawn};

#[terrace::data]
pub struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

/// Writes numbers into a log before it answers.
#[terrace::component(owner = "calls-team")]
pub trait Log {
    async fn write(&self, cx: &Cx, number: u64, body: String) -> Result<u64, Failure>;
    #[call(idempotent)]
    async fn write_repeatably(&self, cx: &Cx, number: u64, body: String) -> Result<u64, Failure>;
    /// How many numbers were written.
    #[call(read)]
    async fn written(&self, cx: &Cx) -> Result<u64, Failure>;
}

struct Module {
    log: File,
}

impl Module {
    /// One write of a file that is appended to is there whole when the process is killed right after it.
    async fn append(&self, cx: &Cx, number: u64) -> Result<u64, Failure> {
        assert_eq!((&self.log).write(&number.to_le_bytes()).unwrap(), 8);
        // Some answers come late, so that the kill finds calls in every state.
        if number.is_multiple_of(3) {
            cx.env().sleep(Duration::from_millis(number % 50)).await;
        }
        Ok(number)
    }
}

impl Log for Module {
    async fn write(&self, cx: &Cx, number: u64, _: String) -> Result<u64, Failure> {
        self.append(cx, number).await
    }

    async fn write_repeatably(&self, cx: &Cx, number: u64, _: String) -> Result<u64, Failure> {
        self.append(cx, number).await
    }

    async fn written(&self, _: &Cx) -> Result<u64, Failure> {
        Ok(self.log.metadata().unwrap().len() / 8)
    }
}

const LOG: &str = "TERRACE_TEST_LOG";
const CALLS: u64 = 10_000;
const CONNECTIONS: u64 = 4;
const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn a_server_that_will_be_killed() {
    let Some(path) = std::env::var_os(LOG) else { return };
    run(async move {
        let log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = terrace::serve(&Ref::<dyn Log>::new(Module { log }), listener).unwrap();
        serve_until_the_parent_ends(&[&serving.address()]).await;
    });
}

#[test]
fn a_killed_server_leaves_no_call_in_doubt_about_what_it_knows() {
    let rounds = if std::env::var_os("TERRACE_FULL").is_some() {
        50
    } else {
        1
    };
    for round in 0..rounds {
        run(kill_one(round));
    }
}

struct Called {
    number: u64,
    is_repeatable: bool,
    answer: Result<u64, CallError>,
    took: Duration,
}

async fn kill_one(round: u64) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("killed-{}", std::process::id()));
    // What an earlier round left.
    drop(std::fs::remove_file(&path));
    let (server, addresses) = spawn("kill::a_server_that_will_be_killed", |command| command.env(LOG, &path));
    let env = Env::production("test");
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::<dyn Log>::connect(addresses[0].clone()).await.unwrap());
    }
    let calls: Vec<_> = (0..CALLS).map(|number| call(&env, &clients, number)).collect();
    // Somewhere in the middle, another place in each round.
    let enough = 500 + round * 150;
    let watcher = Client::<dyn Log>::connect(addresses[0].clone()).await.unwrap();
    while watcher.written(&Cx::for_test()).await.unwrap() < enough {}
    // SIGKILL.
    drop(server);
    let mut called = Vec::new();
    for call in calls {
        called.push(call.await.unwrap());
    }
    check(&called, &ran(&path), &addresses[0]);
    std::fs::remove_file(&path).unwrap();
}

fn call(env: &Env, clients: &[Ref<dyn Log>], number: u64) -> world::Task<Called> {
    let client = clients[(number % CONNECTIONS) as usize].clone();
    // Most are small, some cross in several frames.
    let bytes = if number.is_multiple_of(97) {
        200_000
    } else {
        number % 300
    };
    let is_repeatable = number % 2 == 1;
    let own = env.clone();
    env.spawn("call", async move {
        let began = own.now();
        let cx = Cx::root(&own).within(DEADLINE);
        let body = "x".repeat(bytes as usize);
        let answer = if is_repeatable {
            client.write_repeatably(&cx, number, body).await
        } else {
            client.write(&cx, number, body).await
        };
        Called {
            number,
            is_repeatable,
            answer: answer.map_err(|Failure(error)| error),
            took: own.now().saturating_duration_since(began),
        }
    })
}

/// How often each number was written.
fn ran(path: &std::path::Path) -> BTreeMap<u64, u32> {
    let log = std::fs::read(path).unwrap();
    assert!(log.len().is_multiple_of(8), "one write is whole or not there");
    let mut ran = BTreeMap::new();
    for number in log.as_chunks::<8>().0 {
        *ran.entry(u64::from_le_bytes(*number)).or_default() += 1;
    }
    ran
}

fn check(called: &[Called], ran: &BTreeMap<u64, u32>, address: &Address) {
    let (mut answered, mut certain, mut in_doubt) = (0, 0, 0);
    for call in called {
        let times = ran.get(&call.number).copied().unwrap_or_default();
        assert!(call.took < DEADLINE, "call {} took {:?}", call.number, call.took);
        assert!(
            call.is_repeatable || times <= 1,
            "call {} ran {times} times",
            call.number
        );
        match &call.answer {
            Ok(number) => {
                answered += 1;
                assert!(
                    times >= 1 && *number == call.number,
                    "call {} answered {number}",
                    call.number
                );
            }
            Err(error) => {
                assert_eq!(error.kind(), CallErrorKind::Unavailable, "{error}");
                assert!(error.message().contains(address.as_str()), "{error}");
                if error.certainly_did_not_run() {
                    certain += 1;
                    assert_eq!(times, 0, "call {} certainly did not run: {error}", call.number);
                } else {
                    in_doubt += 1;
                }
            }
        }
    }
    assert!(
        in_doubt > 0,
        "the kill came too late: {answered} answered, {certain} certainly did not run"
    );
}
