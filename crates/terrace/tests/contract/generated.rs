//! Generated programs, run in placements that shall not differ: every machine direct, every machine on a node of its own
//! behind connections, and mixtures. On virtual time and links without latency, so that outcomes, effects, their times,
//! call ids, attempts and hops must be equal to the last bit.

mod machine;
mod program;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use component::Channel;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use terrace::once::MemoryKeeper;
use terrace::{Address, CallId, Cx, Env, Ref, Root, Token};
use wire::Tcp;
use world::memory::World;

use machine::{Inner, Machine, Peers};
use program::{Step, programs, timed};

/// Machines in each program's world.
const MACHINES: usize = 3;

/// Bits of a placement: who (0 is the root) reaches which machine over the wire.
const ALL_REMOTE: u16 = (1 << ((MACHINES + 1) * MACHINES)) - 1;

#[test]
fn no_program_tells_placements_apart() {
    let cases = if std::env::var_os("TERRACE_FULL").is_some() {
        20_000
    } else {
        256
    };
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
        if text != machine::PANIC {
            let mut error = std::io::stderr();
            let _ = std::io::Write::write_fmt(&mut error, format_args!("{panic}\n"));
        }
    }));
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let found = runner.run(&programs(), |(program, seed)| {
        let (program, longest) = timed(&program, seed);
        let direct = execute(0, &program, longest);
        for placement in [ALL_REMOTE, seed as u16 & ALL_REMOTE, !(seed >> 16) as u16 & ALL_REMOTE] {
            let placed = execute(placement, &program, longest);
            if placed != direct {
                let differs = format!("placement {placement:012b}: {}", difference(&direct, &placed));
                return Err(TestCaseError::fail(differs));
            }
        }
        Ok(())
    });
    if let Err(found) = found {
        panic!("{found}");
    }
}

/// What a run shows.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    outcome: String,
    effects: Vec<String>,
}

fn difference(direct: &Shown, placed: &Shown) -> String {
    let without = |one: &Shown, other: &Shown| -> Vec<String> {
        let new = |effect: &&String| !other.effects.contains(effect);
        one.effects.iter().filter(new).cloned().collect()
    };
    format!(
        "\ndirect: {}\nplaced: {}\nonly direct: {:#?}\nonly placed: {:#?}",
        direct.outcome,
        placed.outcome,
        without(direct, placed),
        without(placed, direct)
    )
}

fn execute(placement: u16, program: &Step, longest: Duration) -> Shown {
    let world = World::new(1);
    world.latency(Duration::ZERO);
    let token = Token::new("deployment").unwrap();
    let tcp = Arc::new(Tcp {
        token: Some(token.clone()),
        face: None,
    });
    let node = |name: &str| world.node(name).with_transport(tcp.clone());
    let root = node("root");
    let begin = root.now();
    let effects: Arc<Mutex<Vec<String>>> = Arc::default();
    let nodes: Vec<Env> = (0..MACHINES).map(|number| node(&format!("m{number}"))).collect();
    let machines: Vec<Arc<Inner>> = (0..MACHINES)
        .map(|number| {
            Arc::new(Inner {
                number: number as u8,
                peers: Peers::default(),
                keeper: MemoryKeeper::new(),
                effects: effects.clone(),
                clock: root.clone(),
                begin,
            })
        })
        .collect();
    let reach = |from: usize, env: &Env, to: usize| -> Ref<dyn Machine> {
        if placement >> (from * MACHINES + to) & 1 == 0 {
            return Ref::new(machine::Module(machines[to].clone()));
        }
        let address = Address::new(format!("m{to}:1"));
        Ref::remote(
            "caller",
            Channel::new(
                env,
                address,
                <dyn Machine as terrace::Component>::declared(),
                wire::Limits::default(),
            ),
        )
    };
    for (from, machine) in machines.iter().enumerate() {
        let peers = (0..MACHINES).map(|to| reach(from + 1, &nodes[from], to)).collect();
        *machine.peers.write().unwrap() = peers;
    }
    let first = reach(0, &root, 0);
    let outcome = world.run(async {
        for (number, env) in nodes.iter().enumerate() {
            let listener = env.network().listen(&Address::new("localhost:1")).await.unwrap();
            let module: Ref<dyn Machine> = Ref::new(machine::Module(machines[number].clone()));
            let served = module.served().into_iter().collect();
            drop(terrace::serve_with(env, served, listener, Some(token.clone())).unwrap());
        }
        let cx = Cx::from_root(
            &root,
            Root {
                began: None,
                id: Some(CallId(1)),
                deadline: Some(root.deadline(Duration::from_secs(36_000))),
                principal: Some("ada".into()),
                trace: None,
            },
        );
        let outcome = machine::outcome(&first.run(&cx, 0, program.clone()).await);
        // What was cut off or is to be finished has had its effects by then.
        root.sleep(longest).await;
        outcome
    });
    // They hold each other in a circle.
    for machine in &machines {
        machine.peers.write().unwrap().clear();
    }
    let mut effects = std::mem::take(&mut *effects.lock().unwrap());
    effects.sort();
    Shown { outcome, effects }
}
