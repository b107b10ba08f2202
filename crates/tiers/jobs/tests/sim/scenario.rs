//! The scenario `orders`: whatever happens, each order is in all parties, or in none, or parked with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sim::model::Clocks;
use sim::{Scenario, World, reference};
use terrace::{CallId, Cx, Env, Root, sometimes};

use crate::parties::{Keeper, Party};
use crate::shop::{Counter, PARTIES, Report, Shop};

const CLIENTS: u64 = 2;

/// Orders that come when all is calm again: their numbers begin here, and there are so many.
const CALM_FROM: u64 = 1_000;
const CALM_COUNT: u64 = 4;

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(12);
const SETTLE: Duration = Duration::from_secs(240);

/// What a client waits between two orders at most, in milliseconds.
const PAUSE_MS_MAX: u64 = 2_000;

/// What a client gives an order.
const PATIENCE: Duration = Duration::from_secs(4);

/// How often a client asks for one order.
const ATTEMPTS_MAX: u32 = 3;

type Known = Arc<Mutex<BTreeMap<u64, bool>>>;

/// The scenario under `model`.
pub(crate) fn scenario(model: &'static str) -> Scenario {
    Scenario::new("orders", orders)
        .about("Each order is in all parties, or in none, or parked with the reason; no job is lost or early")
        .model(model)
        .sometimes("an order was acknowledged")
        .sometimes("a step was taken back")
        .sometimes("a job was claimed again")
}

async fn orders(world: World) {
    for (index, name) in PARTIES.into_iter().enumerate() {
        world.provide::<dyn Party, _, _, _>(name, move |env| async move {
            loop {
                match Keeper::open(&env, 5 * index as u64).await {
                    Ok(keeper) => return keeper,
                    Err(_) => env.sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }
    let (known, working) = (Known::default(), Arc::new(AtomicBool::new(true)));
    let jumps = matches!(world.model().clocks, Clocks::Skewed { jumps: true, .. });
    let strikes = working.clone();
    world.provide::<dyn Shop, _, _, _>("shop", move |env| {
        let strikes = strikes.clone();
        async move {
            loop {
                match Counter::open(&env, jumps, strikes.clone()).await {
                    Ok(counter) => return counter,
                    Err(_) => env.sleep(Duration::from_millis(100)).await,
                }
            }
        }
    });
    for client in 0..CLIENTS {
        let (known, working) = (known.clone(), working.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, known.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.store(false, Ordering::Relaxed);
    world.env().sleep(PATIENCE * 2).await;
    for number in CALM_FROM..CALM_FROM + CALM_COUNT {
        // Only those count of which the shop knows.
        let _ = order(world.env(), number).await;
    }
    let latest: Arc<Mutex<Option<Report>>> = Arc::default();
    let (env, told) = (world.env().clone(), latest.clone());
    drop(world.env().spawn("watch", async move {
        let shop = reference::<dyn Shop>(&env, "shop");
        loop {
            if let Ok(report) = shop.report(&Cx::root(&env).within(Duration::from_secs(10))).await {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
            }
            env.sleep(Duration::from_millis(500)).await;
        }
    }));
    let seen = || latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let over = |report: &Report| {
        report
            .lines
            .iter()
            .all(|line| line.state != "waiting" && line.state != "running")
    };
    let settled = world
        .settle("an end of every job", SETTLE, || {
            seen().is_some_and(|report| over(&report))
        })
        .await;
    let Some(report) = seen() else {
        return;
    };
    let mut taken = Vec::new();
    for name in PARTIES {
        let party = reference::<dyn Party>(world.env(), name);
        let mut attempts = 0;
        taken.push(loop {
            match party
                .taken(&Cx::root(world.env()).within(Duration::from_secs(10)))
                .await
            {
                Ok(taken) => break taken,
                Err(error) if attempts == 20 => world.fail(format!("`{name}` does not answer: {error}")),
                Err(_) => attempts += 1,
            }
        });
    }
    let acknowledged = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check(&world, &acknowledged, &report, settled.then_some(&taken));
}

/// What a client does whenever it starts.
async fn work(env: Env, known: Known, working: Arc<AtomicBool>) {
    let mut random = env.random("orders");
    while working.load(Ordering::Relaxed) {
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        let number = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let number = known.len() as u64 + 1;
            known.insert(number, false);
            number
        };
        for _ in 0..ATTEMPTS_MAX {
            if order(&env, number).await {
                sometimes!(env, true, "an order was acknowledged");
                known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(number, true);
                break;
            }
        }
    }
}

/// Asks for an order, and answers whether it was acknowledged. To ask again for the same is the same call.
async fn order(env: &Env, number: u64) -> bool {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"order", &number.to_le_bytes()])),
        deadline: Some(env.deadline(PATIENCE)),
        principal: None,
        trace: None,
    };
    let shop = reference::<dyn Shop>(env, "shop");
    shop.order(&Cx::from_root(env, root), number).await.is_ok()
}

fn check(world: &World, known: &BTreeMap<u64, bool>, report: &Report, taken: Option<&Vec<Vec<u64>>>) {
    let orders: BTreeSet<u64> = report.orders.iter().copied().collect();
    for (number, acknowledged) in known {
        if *acknowledged && !orders.contains(number) {
            world.fail(format!("order {number} was acknowledged, and is lost"));
        }
    }
    for number in &orders {
        for kind in ["order", "note"] {
            let lines = report
                .lines
                .iter()
                .filter(|line| line.order == *number && line.kind == kind)
                .count();
            if lines != 1 {
                world.fail(format!("order {number} has {lines} jobs `{kind}` instead of one"));
            }
        }
    }
    if let Some(wrong) = report.wrongs.first() {
        world.fail(format!("a job was changed by who did not have it: {wrong}"));
    }
    for line in &report.lines {
        let number = line.order;
        if line.kind == "note" && number >= CALM_FROM && line.fence > 1 {
            world.fail(format!(
                "the note of order {number} was claimed {} times when all was calm: {}",
                line.fence, line.reason
            ));
        }
        if line.early {
            world.fail(format!("job `{}` of order {number} began before its time", line.kind));
        }
        if line.state == "parked" && line.reason.is_empty() {
            world.fail(format!(
                "job `{}` of order {number} is parked without a reason",
                line.kind
            ));
        }
        if line.kind == "note" {
            let notes = report.notes.iter().filter(|note| **note == number).count();
            if notes > 1 || (line.state == "done" && notes == 0) {
                world.fail(format!(
                    "the note of order {number} is {}, and was made {notes} times",
                    line.state
                ));
            }
        }
        let (Some(taken), "order") = (taken, line.kind.as_str()) else {
            continue;
        };
        let times: Vec<usize> = taken
            .iter()
            .map(|taken| taken.iter().filter(|taken| **taken == number).count())
            .collect();
        let right = match line.state.as_str() {
            "done" => times == [1, 1, 1],
            "parked" if line.reason.starts_with("compensated") => times == [0, 0, 0],
            "parked" => line.reason.contains("not undone") && times.iter().all(|times| *times <= 1),
            _ => false,
        };
        if !right {
            world.fail(format!(
                "order {number} is {} ({}), and the parties have it {times:?} times",
                line.state, line.reason
            ));
        }
    }
}
