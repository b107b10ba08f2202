//! The placements that one suite runs in.

use std::io::BufRead;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use terrace::once::MemoryKeeper;
use terrace::testing::{Executed, looped, serve_executed};
use terrace::{Address, Client, Component, Env, Ref};

use crate::suite::{Logs, Mirror, Peers, Recorder, Reflection, Suite};

/// Where the callee of a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In the caller's process, called directly.
    Direct,
    /// In the caller's process, behind the codecs.
    Looped,
    /// In the caller's process, behind a connection.
    Wire,
    /// In another process.
    Process,
}

/// A suite that can be called, and what keeps it alive.
pub struct Placed {
    pub suite: Ref<dyn Suite>,
    pub executed: Executed,
    _child: Option<Killed>,
}

/// A process that ends with the test.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub async fn place(at: Where, executed: Executed) -> Placed {
    let env = Env::production("test");
    let (suite, child) = match at {
        Where::Direct | Where::Looped => {
            let (suite, mirror, peers) = modules();
            let is_direct = at == Where::Direct && executed == Executed::Once;
            let suite = if is_direct {
                suite
            } else {
                looped(&env, &suite, executed)
            };
            let mirror = if is_direct {
                mirror
            } else {
                looped(&env, &mirror, executed)
            };
            drop(peers.suite.set(suite.clone()));
            drop(peers.mirror.set(mirror));
            (suite, None)
        }
        Where::Wire => (connect(&served(executed).await.0).await, None),
        Where::Process => {
            let (child, addresses) = spawn("placement::a_server_for_the_tests_of_other_processes", |command| {
                command.env(SERVE, format!("{executed:?}"))
            });
            (connect(&addresses[0]).await, Some(child))
        }
    };
    Placed {
        suite,
        executed,
        _child: child,
    }
}

fn modules() -> (Ref<dyn Suite>, Ref<dyn Mirror>, Peers) {
    let peers = Peers::default();
    let recorder = Recorder {
        peers: peers.clone(),
        keeper: MemoryKeeper::new(),
        logs: Arc::new(Logs::default()),
    };
    (Ref::new(recorder), Ref::new(Reflection(peers.clone())), peers)
}

/// Serves both components, which reach each other over the wire too.
async fn served(executed: Executed) -> (Address, Address) {
    let (suite, mirror, peers) = modules();
    let (suite, mirror) = (serve(&suite, executed).await, serve(&mirror, executed).await);
    drop(peers.suite.set(connect(&suite).await));
    drop(peers.mirror.set(connect(&mirror).await));
    (suite, mirror)
}

async fn serve<C: Component + ?Sized>(component: &Ref<C>, executed: Executed) -> Address {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    match executed {
        Executed::Once => terrace::serve(component, listener).unwrap().address(),
        Executed::Twice => {
            let env = Env::production("server");
            serve_executed(&env, component, world::production::listener(listener), executed).address()
        }
    }
}

async fn connect<C: Component + ?Sized>(address: &Address) -> Ref<C> {
    Client::<C>::connect(address.clone()).await.unwrap()
}

const SERVE: &str = "TERRACE_TEST_SERVE";

/// Runs the test `name` of this binary as a process of its own, and reads the addresses that it prints.
pub fn spawn(name: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> (Killed, Vec<Address>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = with(&mut command).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let addresses = lines
        .find_map(|line| {
            let line = line.unwrap();
            let (_, addresses) = line.split_once("serving at ")?;
            Some(addresses.split(' ').map(Address::new).collect())
        })
        .unwrap();
    (Killed(child), addresses)
}

/// Tells the process that spawned this one where to call, and returns when that has ended.
#[expect(clippy::print_stdout, reason = "it is how the address reaches that process")]
pub async fn serve_until_the_parent_ends(addresses: &[&Address]) {
    let addresses: Vec<String> = addresses.iter().map(|address| address.to_string()).collect();
    println!("\nserving at {}", addresses.join(" "));
    let stdin = Env::production("parent").blocking("parent", || std::io::read_to_string(std::io::stdin()));
    drop(stdin.await);
}

#[test]
fn a_server_for_the_tests_of_other_processes() {
    let Ok(executed) = std::env::var(SERVE) else { return };
    let executed = if executed == "Twice" {
        Executed::Twice
    } else {
        Executed::Once
    };
    run(async move {
        let (suite, mirror) = served(executed).await;
        serve_until_the_parent_ends(&[&suite, &mirror]).await;
    });
}

/// Runs `test` as a program of several threads would.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}
