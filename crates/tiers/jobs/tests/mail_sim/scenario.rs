//! The scenarios: whatever happens, each reminder arrives, and each repeat is the same message and counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sim::{Scenario, World, reference};
use terrace::{CallId, Cx, Env, Root, sometimes};

use crate::office::{self, Desk, Line, Office};
use crate::repeats::{self, Attempt, Attempts};
use crate::server::{self, Accepted, Copy};

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(12);
const SETTLE: Duration = Duration::from_secs(400);

/// What the client waits between two reminders at most, in milliseconds.
const PAUSE_MS_MAX: u64 = 1_500;

/// What the client gives a reminder, and how often it asks for one.
const PATIENCE: Duration = Duration::from_secs(4);
const ATTEMPTS_MAX: u32 = 3;

type Known = Arc<Mutex<BTreeMap<u64, bool>>>;

/// Under `model`, with its faults.
pub(crate) fn scenario(model: &'static str) -> Scenario {
    Scenario::new("mail", |world| reminders(world, true))
        .about("Each reminder arrives, none before its time; a repeat is the same message, is counted, and belongs to a fault")
        .model(model)
        .sometimes("a reminder was acknowledged")
        .sometimes("an answer was lost")
        .sometimes("a message arrived twice")
}

/// Without any.
pub(crate) fn calm() -> Scenario {
    Scenario::new("calm mail", |world| reminders(world, false))
        .about("Where nothing fails each reminder arrives once")
        .model("datacentre")
        .sometimes("a reminder was acknowledged")
}

async fn reminders(world: World, faults: bool) {
    let (accepted, attempts) = (Accepted::default(), Attempts::default());
    let (there, own) = (world.clone(), accepted.clone());
    world.server(server::NODE, move |env| {
        server::serve(there.clone(), env, own.clone(), faults)
    });
    let (there, own) = (world.clone(), attempts.clone());
    world.provide::<dyn Office, _, _, _>(office::NODE, move |env| {
        let (world, attempts) = (there.clone(), own.clone());
        async move {
            loop {
                match Desk::open(&world, &env, &attempts).await {
                    Ok(desk) => return desk,
                    Err(_) => env.sleep(Duration::from_millis(100)).await,
                }
            }
        }
    });
    let (known, working) = (Known::default(), Arc::new(AtomicBool::new(true)));
    let (told, still) = (known.clone(), working.clone());
    world.client("client", move |env| work(env, told.clone(), still.clone()));
    match faults {
        true => world.chaos(CHAOS).await,
        false => world.env().sleep(CHAOS).await,
    }
    let healed = world.now();
    working.store(false, Ordering::Relaxed);
    world.env().sleep(PATIENCE * 2).await;
    let latest: Arc<Mutex<Option<Vec<Line>>>> = Arc::default();
    let (env, told) = (world.env().clone(), latest.clone());
    drop(world.env().spawn("watch", async move {
        let office = reference::<dyn Office>(&env, office::NODE);
        loop {
            if let Ok(report) = office.report(&Cx::root(&env).within(Duration::from_secs(10))).await {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
            }
            env.sleep(Duration::from_millis(500)).await;
        }
    }));
    let seen = || latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let over = |lines: &Vec<Line>| {
        let ended = |line: &Line| line.state != "waiting" && line.state != "running";
        lines.iter().all(ended)
    };
    world
        .settle("an end of every message", SETTLE, || {
            seen().is_some_and(|lines| over(&lines))
        })
        .await;
    let Some(lines) = seen() else {
        return;
    };
    let known = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // What arrives while it is looked at belongs to a later report.
    let arrived = over(&lines).then(|| Arrived {
        copies: accepted.all(),
        attempts: attempts.all(),
        healed,
    });
    check(&world, &known, &lines, arrived, faults);
}

/// What the client does whenever it starts.
async fn work(env: Env, known: Known, working: Arc<AtomicBool>) {
    let (office, mut random) = (reference::<dyn Office>(&env, office::NODE), env.random("mail"));
    while working.load(Ordering::Relaxed) {
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        let number = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let number = known.len() as u64 + 1;
            known.insert(number, false);
            number
        };
        for _ in 0..ATTEMPTS_MAX {
            let root = Root {
                began: None,
                id: Some(CallId::from_parts(&[b"reminder", &number.to_le_bytes()])),
                deadline: Some(env.deadline(PATIENCE)),
                principal: None,
                trace: None,
            };
            if office.remind(&Cx::from_root(&env, root), number).await.is_ok() {
                sometimes!(env, true, "a reminder was acknowledged");
                known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(number, true);
                break;
            }
        }
    }
}

/// What reached the server, and how.
struct Arrived {
    copies: Vec<Copy>,
    attempts: Vec<Attempt>,
    /// When the faults were over.
    healed: Duration,
}

fn check(world: &World, known: &BTreeMap<u64, bool>, lines: &[Line], arrived: Option<Arrived>, faults: bool) {
    for (number, acknowledged) in known {
        if *acknowledged && !lines.iter().any(|line| line.number == *number) {
            world.fail(format!("reminder {number} was acknowledged, and is lost"));
        }
    }
    for line in lines {
        let Line { number, state, .. } = line;
        if line.early {
            world.fail(format!("reminder {number} was sent before its time"));
        }
        if state == "lost" || state == "cancelled" || (state == "parked" && line.reason.is_empty()) {
            world.fail(format!("reminder {number} is {state}, and nobody asked for that"));
        }
        if !faults && line.repeats > 0 {
            world.fail(format!("reminder {number} was repeated, and nothing had failed"));
        }
        if let Some(arrived) = &arrived {
            check_copies(world, line, arrived, faults);
        }
    }
}

/// How often a message came, and why.
fn check_copies(world: &World, line: &Line, arrived: &Arrived, faults: bool) {
    let Line { number, id, state, .. } = line;
    let subject = format!("Subject: {number}\n");
    let all = arrived.copies.iter();
    let copies: Vec<&Copy> = all.filter(|copy| copy.message.contains(&subject)).collect();
    if state == "done" && copies.is_empty() {
        world.fail(format!("reminder {number} is done, and the server never had it"));
    }
    if copies.len() as u64 > line.repeats + 1 {
        let (copies, repeats) = (copies.len(), line.repeats);
        world.fail(format!(
            "reminder {number} came {copies} times, and {repeats} repeats are counted"
        ));
    }
    if faults {
        sometimes!(world.env(), copies.len() > 1, "a message arrived twice");
    }
    let header = format!("Message-ID: <{id}@example.org>\n");
    let same = |copy: &&Copy| copy.message.contains(&header) && copy.message == copies[0].message;
    if !copies.iter().all(same) {
        world.fail(format!("a copy of reminder {number} is not the same message"));
    }
    world.count("mails", 1);
    match repeats::causes(&copies, &arrived.attempts, &world.struck(), arrived.healed) {
        Ok(causes) => causes.iter().for_each(|cause| world.count(cause.counted(), 1)),
        Err(why) => world.fail(format!("reminder {number} {why}")),
    }
}
