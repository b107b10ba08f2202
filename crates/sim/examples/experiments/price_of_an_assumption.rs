//! The same lock under three assumptions, what each costs, and what becomes of it where the assumption does not hold.
//!
//! Clients take the lock, hold it for a while and write to a store under the token of their hold. A write is *stale* if
//! the store has kept one of a later hold.

// The test of the pages reads this file by its path, from where these would not be found.
#[path = "price_of_an_assumption/lease.rs"]
pub(crate) mod lease;
#[path = "price_of_an_assumption/quorum.rs"]
pub(crate) mod quorum;
#[path = "price_of_an_assumption/store.rs"]
mod store;
#[path = "price_of_an_assumption/timeout.rs"]
pub(crate) mod timeout;

use std::time::Duration;

use sim::diagram::{View, svg};
use sim::{Outcome, Run, World};
use world::{BoxFuture, Env, Instant};

use crate::measure::{Measured, Seen, drawn, ran, recorded, table};
use store::Handle;

/// Every model in which locks are tried, each weaker than the one before.
pub(crate) const MODELS: [&str; 4] = [
    "synchronous + delay(100ms)",
    "datacentre",
    "asynchronous",
    "asynchronous + byzantine(1)",
];

/// How long a hold is, unless it ends before.
const LEASE: Duration = Duration::from_secs(2);
/// What a message takes at most, as the lock that relies on it has it.
const DELAY_MAX: Duration = Duration::from_millis(100);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
const WARM_UP: Duration = Duration::from_secs(2);
const CHAOS: Duration = Duration::from_secs(60);
/// So long without a hold is a standstill: two leases and a half.
const STALL: Duration = Duration::from_secs(5);
const CLIENTS: u64 = 3;
/// How long a holder works before it writes.
const WORK_MS_MAX: u64 = 400;
const PAUSE_MS_MAX: u64 = 200;
/// A picture is looked for among so many seeds.
const PICTURE_SEEDS: u64 = 100;

/// A hold: its token is greater than those of all holds before it.
#[derive(Clone, Copy)]
pub(crate) struct Hold {
    token: u64,
    /// Until when the client counts on it, by its own clock.
    until: Instant,
}

/// A lock as a client has it.
trait Lock: Send {
    /// Takes the lock, if it is free.
    fn take(&mut self) -> BoxFuture<'_, Option<Hold>>;

    /// Gives it back before its time.
    fn give_back(&mut self, hold: Hold) -> BoxFuture<'_, ()>;
}

/// One way to build it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Built {
    /// Silence for a time means that the holder has failed.
    Timeout,
    /// The same, on a disk, with a fence at the store.
    Lease,
    /// Tokens of a majority of three, with a fence at the store.
    Quorum,
}

impl Built {
    /// All of them, each with fewer assumptions than the one before.
    pub(crate) const ALL: [Built; 3] = [Built::Timeout, Built::Lease, Built::Quorum];

    fn name(self) -> &'static str {
        match self {
            Built::Timeout => "timeout",
            Built::Lease => "lease and fence",
            Built::Quorum => "majority and fence",
        }
    }

    /// Its lines of code without comments; the store with its fence is counted where there is one.
    fn lines(self) -> usize {
        let lock = match self {
            Built::Timeout => include_str!("price_of_an_assumption/timeout.rs"),
            Built::Lease => include_str!("price_of_an_assumption/lease.rs"),
            Built::Quorum => include_str!("price_of_an_assumption/quorum.rs"),
        };
        lock.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count()
    }

    fn servers(self) -> u64 {
        if self == Built::Quorum { 3 } else { 1 }
    }

    /// For one hold that nobody disturbs: to take and to give back, or to ask, to vote and to give back.
    fn calls(self) -> u64 {
        if self == Built::Quorum { 3 * 3 } else { 2 }
    }
}

/// What the nodes of one run tell.
#[derive(Default)]
pub(crate) struct Told {
    /// Holds, in their order.
    pub(crate) holds: Vec<Given>,
    /// Calls to the lock, each of them two messages.
    pub(crate) calls: u64,
    /// Stale ones that were kept.
    pub(crate) stale: u64,
    /// Writes that a fence refused.
    pub(crate) refused: u64,
    /// Tokens that the lock that never writes any down has given.
    pub(crate) given: u64,
}

/// A hold as it was given. All times are true ones.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    token: u64,
    /// Since when its client had wanted the lock.
    wanted: Duration,
    /// When it asked for this hold.
    asked: Duration,
    /// When it had it.
    at: Duration,
}

/// What came of all runs of one lock in one model.
#[derive(Default)]
pub(crate) struct Sum {
    holds: u64,
    calls: u64,
    waited_ms: Vec<u64>,
    /// Writes that the fence refused.
    pub(crate) refused: u64,
    /// Runs in which a stale write was kept.
    pub(crate) stale_runs: u64,
    /// Runs in which a token was no greater than one that somebody had before it was asked for.
    pub(crate) disorder_runs: u64,
    /// Runs in which nobody got the lock for [`STALL`].
    pub(crate) stalled_runs: u64,
}

/// Measures one lock in one model.
pub(crate) fn sum(built: Built, model: &str, seeds: u64) -> Sum {
    let mut sum = Sum::default();
    for seed in 0..seeds {
        let (told, _) = once(drawn(model, seed), built);
        sum.holds += told.holds.len() as u64;
        sum.calls += told.calls;
        sum.refused += told.refused;
        let waited = |hold: &Given| hold.at.saturating_sub(hold.wanted).as_millis() as u64;
        sum.waited_ms.extend(told.holds.iter().map(waited));
        sum.stale_runs += u64::from(told.stale > 0);
        sum.disorder_runs += u64::from(is_disordered(&told.holds));
        sum.stalled_runs += u64::from(is_stalled(&told.holds));
    }
    sum.waited_ms.sort_unstable();
    sum
}

fn is_disordered(holds: &[Given]) -> bool {
    let before = |late: &Given, early: &Given| early.at < late.asked && early.token >= late.token;
    holds.iter().any(|late| holds.iter().any(|early| before(late, early)))
}

fn is_stalled(holds: &[Given]) -> bool {
    let times = holds.iter().map(|hold| hold.at).chain([WARM_UP + CHAOS]);
    let mut last = Duration::ZERO;
    times
        .map(|at| at.saturating_sub(std::mem::replace(&mut last, at)))
        .any(|gap| gap > STALL)
}

impl Sum {
    /// Messages to and from the lock for one hold.
    pub(crate) fn messages(&self) -> f64 {
        2.0 * self.calls as f64 / self.holds.max(1) as f64
    }

    fn waited_ms(&self, percentile: usize) -> u64 {
        let at = self.waited_ms.len() * percentile / 100;
        self.waited_ms.get(at).or(self.waited_ms.last()).copied().unwrap_or(0)
    }
}

/// Measures all, and draws the first lock in the second model.
pub(crate) fn measure(seeds: u64) -> Measured {
    let (mut price, mut broken) = (Vec::new(), Vec::new());
    for (index, built) in Built::ALL.into_iter().enumerate() {
        let sums = MODELS.map(|model| sum(built, model, seeds));
        let same = &sums[1];
        let mut cells = vec![
            built.name().to_owned(),
            built.servers().to_string(),
            built.lines().to_string(),
        ];
        cells.push((2 * built.calls()).to_string());
        cells.push(format!("{:.1}", same.messages()));
        cells.push(format!("{} ms", same.waited_ms(50)));
        cells.push(format!("{:.1} s", same.waited_ms(99) as f64 / 1000.0));
        price.push(cells);
        for (weaker, sum) in sums.iter().enumerate() {
            if weaker == 3 && built != Built::Quorum {
                continue;
            }
            let name = if weaker == index {
                format!("**{}**", built.name())
            } else {
                built.name().to_owned()
            };
            let mut cells = vec![name, format!("`{}`", MODELS[weaker])];
            let numbers = [sum.stale_runs, sum.disorder_runs, sum.stalled_runs, sum.refused];
            cells.extend(numbers.map(|number| number.to_string()));
            broken.push(cells);
        }
    }
    let head_price = [
        "lock",
        "servers",
        "lines",
        "messages for a hold, at least",
        "measured",
        "wait, median",
        "wait, 99th of 100",
    ];
    let head_broken = [
        "lock",
        "run under",
        "runs: stale write kept",
        "runs: tokens out of order",
        "runs: nobody got it for 5 s",
        "writes refused",
    ];
    Measured {
        tables: format!(
            "{seeds} seeds of 60 s with three clients. The price, all under `datacentre`:\n\n{}\nWhat holds where; bold is the model that a lock is \
             made for:\n\n{}",
            table(&head_price, &price),
            table(&head_broken, &broken)
        ),
        pictures: picture()
            .into_iter()
            .map(|svg| ("price_of_an_assumption", svg))
            .collect(),
    }
}

/// The stale write that is told in the fewest bytes.
fn picture() -> Option<String> {
    let model = MODELS[1];
    let pictures = (0..PICTURE_SEEDS).filter_map(|seed| {
        let (told, _) = once(drawn(model, seed), Built::Timeout);
        if told.stale == 0 {
            return None;
        }
        let (_, outcome) = once(recorded(model, seed), Built::Timeout);
        let trace = outcome.trace?;
        let view = View::around_violation(&trace)?;
        let title = format!("the lock that trusts in time, `{model}`, seed {seed}");
        Some(svg(&trace, &view.titled(title, outcome.verdict.name())))
    });
    pictures.min_by_key(String::len)
}

fn once(run: Run, built: Built) -> (Told, Outcome) {
    ran(run, move |world, told| experiment(world, told, built))
}

async fn experiment(world: World, told: Seen<Told>, built: Built) {
    match built {
        Built::Timeout => timeout::serve(&world, &told),
        Built::Lease => lease::serve(&world),
        Built::Quorum => quorum::serve(&world),
    }
    store::serve(&world, &told, built != Built::Timeout);
    for client in 0..CLIENTS {
        let (at, told) = (world.clone(), told.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, at.clone(), told.clone(), built, client)
        });
    }
    world.env().sleep(WARM_UP).await;
    world.chaos(CHAOS).await;
}

async fn work(env: Env, world: World, told: Seen<Told>, built: Built, client: u64) {
    let mut lock: Box<dyn Lock> = match built {
        Built::Timeout => Box::new(timeout::Client::new(&env, &told)),
        Built::Lease => Box::new(lease::Client::new(&env, &told)),
        Built::Quorum => Box::new(quorum::Client::new(&env, &told, client)),
    };
    let store = Handle::new(&env);
    // Connections are open before the first hold.
    store.open().await;
    let mut random = env.random("work");
    let mut wanted = world.now();
    loop {
        let asked = world.now();
        if let Some(hold) = lock.take().await {
            let token = hold.token;
            let at = world.now();
            told.with(|told| {
                told.holds.push(Given {
                    token,
                    wanted,
                    asked,
                    at,
                })
            });
            env.sleep(Duration::from_millis(random.below(WORK_MS_MAX))).await;
            if env.now() < hold.until {
                // What becomes of it is the store's business.
                store.write(hold.token).await;
            }
            lock.give_back(hold).await;
            wanted = world.now();
        }
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
    }
}
