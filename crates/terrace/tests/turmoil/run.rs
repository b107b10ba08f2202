//! One run of a simulation, from its plan to its book.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use turmoil::{Builder, Sim};

use crate::callers::{Phase, call_over_frames, call_over_http};
use crate::journal::{Book, Shared, node, serve};
use crate::plan::{CALLERS, Plan, ROUGH, SETTLE, Strike};

/// Time in which every caller makes calls on a healed network.
const HEALED: Duration = Duration::from_secs(2);
/// Time for the last calls to end.
const LAST: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(10);

struct Run<'a> {
    sim: Sim<'a>,
    shared: Shared,
    phase: Phase,
    seed: u64,
}

/// A run in which all that is planned strikes, and is healed.
pub(crate) fn rough(seed: u64, plan: &Plan) -> Book {
    let mut run = Run::new(seed, plan);
    let (shared, began) = (run.shared.clone(), Rc::new(Cell::new(0)));
    run.sim.host("server", move || {
        let (shared, seed) = (shared.clone(), again(seed, &began));
        async move {
            let env = node("server", seed);
            serve(&env, &shared).await?;
            pending().await
        }
    });
    run.callers();
    for (at, strike) in &plan.strikes {
        run.until(*at);
        run.strike(*strike);
    }
    run.until(ROUGH);
    run.sim.set_fail_rate(0.0);
    for link in CALLERS {
        run.strike(Strike::Heal(link));
    }
    run.phase.set(Phase::SETTLING);
    run.until(ROUGH + SETTLE);
    run.phase.set(Phase::HEALED);
    run.until(ROUGH + SETTLE + HEALED);
    run.end()
}

/// What a run with drains shows.
pub(crate) struct Drained {
    pub(crate) book: Book,
    pub(crate) drains: u64,
}

/// A run in which the server drains, and comes again, all the time.
pub(crate) fn draining(seed: u64, plan: &Plan) -> Drained {
    let mut run = Run::new(seed, plan);
    let (shared, drains) = (run.shared.clone(), Rc::new(Cell::new(0)));
    let counted = drains.clone();
    run.sim.host("server", move || {
        let (shared, drains) = (shared.clone(), counted.clone());
        async move {
            let env = node("server", seed);
            let mut random = env.random("drains");
            loop {
                let serving = serve(&env, &shared).await?;
                env.sleep(Duration::from_millis(random.below(3_000))).await;
                serving.drain().await;
                drains.set(drains.get() + 1);
                env.sleep(Duration::from_millis(random.below(300))).await;
            }
        }
    });
    run.callers();
    run.until(ROUGH);
    Drained {
        book: run.end(),
        drains: drains.get(),
    }
}

/// A seed for each start of one host.
fn again(seed: u64, began: &Cell<u64>) -> u64 {
    began.set(began.get() + 1);
    seed.wrapping_mul(1_000).wrapping_add(began.get())
}

impl<'a> Run<'a> {
    fn new(seed: u64, plan: &Plan) -> Run<'a> {
        let mut builder = Builder::new();
        builder
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
            .simulation_duration(ROUGH + SETTLE + HEALED + LAST)
            .tick_duration(TICK)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(plan.latency_max)
            .fail_rate(plan.fail_rate)
            .repair_rate(plan.repair_rate)
            .tcp_capacity(plan.segments);
        if plan.shuffled {
            builder.enable_random_order();
        }
        Run {
            sim: builder.build(),
            shared: Shared::default(),
            phase: Phase::default(),
            seed,
        }
    }

    fn callers(&mut self) {
        for name in CALLERS {
            let (shared, phase) = (self.shared.clone(), self.phase.clone());
            let (seed, began) = (self.seed, Cell::new(0));
            self.sim.host(name, move || {
                let (shared, phase, seed) = (shared.clone(), phase.clone(), again(seed, &began));
                async move {
                    let env = node(name, seed);
                    match name {
                        "web" => call_over_http(env, shared, phase).await,
                        _ => call_over_frames(env, shared, phase).await,
                    }
                }
            });
        }
    }

    fn until(&mut self, at: Duration) {
        while self.sim.elapsed() < at {
            let stepped = self.sim.step();
            assert!(stepped.is_ok(), "seed {}: {stepped:?}", self.seed);
        }
    }

    fn strike(&mut self, strike: Strike) {
        let sim = &mut self.sim;
        match strike {
            Strike::Partition(link) => sim.partition(link, "server"),
            Strike::PartitionTo(link) => sim.partition_oneway(link, "server"),
            Strike::PartitionFrom(link) => sim.partition_oneway("server", link),
            Strike::Hold(link) => sim.hold(link, "server"),
            Strike::Heal(link) => {
                sim.release(link, "server");
                sim.repair(link, "server");
            }
            Strike::Crash(host) => sim.crash(host),
            Strike::Bounce(host) => sim.bounce(host),
        }
    }

    fn end(mut self) -> Book {
        self.phase.set(Phase::OVER);
        let over = self.sim.elapsed() + LAST - TICK;
        while self.sim.elapsed() < over && CALLERS.iter().any(|name| self.sim.is_host_running(*name)) {
            let until = self.sim.elapsed() + TICK;
            self.until(until);
        }
        assert!(
            !CALLERS.iter().any(|name| self.sim.is_host_running(*name)),
            "seed {}: a call did not end",
            self.seed
        );
        std::mem::take(&mut self.shared.book())
    }
}
