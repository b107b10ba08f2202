//! Two generals attack together or not at all, and their messengers are caught now and then. However often one
//! acknowledges the acknowledgement of the other, there are runs in which exactly one of them attacks.
//!
//! What works instead asks for less: the order is repeated until it is answered, and obeyed once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sim::diagram::{View, svg};
use sim::fault::{Fate, Fault};
use sim::trace::Kind;
use sim::{Outcome, Run, World, reference};
use terrace::{CallError, Cx, Ref};
use world::Env;

use crate::chart::{Part, shares};
use crate::measure::{Measured, Seen, drawn, ran, recorded, table};

/// Acknowledgements that are tried.
pub(crate) const ACKNOWLEDGEMENTS_MAX: u64 = 8;
/// Nothing goes wrong in it but what is listed: messengers that are caught.
const MODEL: &str = "synchronous + correct";
/// Where orders are repeated: everything goes wrong with messages, and 20 of 100 are lost besides.
pub(crate) const RETRIES: [(&str, &str); 2] = [
    (
        "`synchronous + correct + lossy(0.2)`",
        "synchronous + correct + lossy(0.2)",
    ),
    ("`asynchronous + correct`", "asynchronous + correct"),
];
/// Attempts to attack in one run, one after the other.
const ATTEMPTS: u64 = 25;
const GENERALS: [&str; 2] = ["general-a", "general-b"];
const WARM_UP: Duration = Duration::from_secs(1);
/// Long enough for nine messages of 10 ms.
const ATTEMPT: Duration = Duration::from_secs(1);
const CHAOS: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_millis(500);

/// One who may attack.
#[terrace::component]
pub(crate) trait General {
    /// A messenger arrives: the order, which is number 0, or the acknowledgement of the message before.
    async fn hear(&self, cx: &Cx, attempt: u64, number: u64) -> Result<(), CallError>;

    /// Attack; to be told twice changes nothing.
    #[call(idempotent)]
    async fn obey(&self, cx: &Cx, order: u64) -> Result<(), CallError>;
}

/// How attempts ended.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ends {
    /// Both attacked.
    pub(crate) both: u64,
    /// One did.
    pub(crate) one: u64,
    /// None did.
    pub(crate) none: u64,
}

impl Ends {
    fn share(self, part: u64) -> f64 {
        part as f64 / (self.both + self.one + self.none).max(1) as f64
    }
}

/// What repeated orders came to.
#[derive(Default)]
pub(crate) struct Repeated {
    /// Orders that were given.
    pub(crate) orders: u64,
    /// Those that were answered.
    pub(crate) answered: u64,
    /// How often the other heard one.
    pub(crate) heard: u64,
    /// Orders that were obeyed, each of them once.
    pub(crate) obeyed: u64,
}

/// Attempts with so many acknowledgements, and so many of 100 messengers caught.
pub(crate) fn ends(acknowledgements: u64, caught: u64, seeds: u64) -> Ends {
    let mut ends = Ends::default();
    for seed in 0..seeds {
        let (heard, _) = attack(drawn(MODEL, seed), acknowledgements, caught);
        for attempt in 0..ATTEMPTS {
            match attackers(&heard, attempt, acknowledgements) {
                2 => ends.both += 1,
                1 => ends.one += 1,
                _ => ends.none += 1,
            }
        }
    }
    ends
}

/// Repeats orders until they are answered.
pub(crate) fn repeated(model: &str, seeds: u64) -> Repeated {
    let mut all = Repeated::default();
    for seed in 0..seeds {
        let (seen, _): (Orders, _) = ran(drawn(model, seed), repeat);
        all.orders += seen.orders;
        all.answered += seen.answered;
        all.heard += seen.heard.values().sum::<u64>();
        all.obeyed += seen.heard.len() as u64;
    }
    all
}

/// Measures all; draws the shares, and one attempt in which one attacks.
pub(crate) fn measure(seeds: u64) -> Measured {
    let head = [
        "acknowledgements",
        "both attack",
        "exactly one",
        "none",
        "5 % caught: exactly one",
        "50 %: exactly one",
    ];
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for acknowledgements in 0..=ACKNOWLEDGEMENTS_MAX {
        let all = [5, 20, 50].map(|caught| ends(acknowledgements, caught, seeds));
        let [_, twenty, _] = all;
        let parts = [twenty.both, twenty.one, twenty.none].map(|part| twenty.share(part));
        let [five, _, fifty] = all.map(|ends| ends.share(ends.one)).map(percent);
        let mut row = vec![acknowledgements.to_string()];
        row.extend(parts.map(percent));
        row.extend([five, fifty]);
        rows.push(row);
        bars.push((format!("{acknowledgements} acknowledgements"), parts.to_vec()));
    }
    let retries = RETRIES.map(|(name, model)| {
        let all = repeated(model, seeds);
        let numbers = [all.orders, all.answered, all.obeyed, all.heard - all.obeyed];
        let mut cells = vec![name.to_owned()];
        cells.extend(numbers.map(|number| number.to_string()));
        cells
    });
    let head_retries = ["model", "orders", "answered", "obeyed once", "heard again, no effect"];
    let parts = [
        ("both attack", "#2b7a4b"),
        ("exactly one attacks", "#b3261e"),
        ("none attacks", "#6b7280"),
    ];
    let parts = parts.map(|(name, colour)| Part { name, colour });
    let attempts = seeds * ATTEMPTS;
    Measured {
        tables: format!(
            "{attempts} attempts for each number and each share of messengers that are caught: 20 % but in the last two \
             columns.\n\n{}\nOrders repeated until answered, in {seeds} seeds of 60 s each:\n\n{}",
            table(&head, &rows),
            table(&head_retries, &retries)
        ),
        pictures: [
            ("two_generals", shares("One messenger in five is caught", &parts, &bars)),
            ("two_generals_attempt", picture()),
        ]
        .into(),
    }
}

/// Three acknowledgements, and the last is caught.
fn picture() -> String {
    const LAST: u64 = 3;
    let lost = Fault::Message {
        from: GENERALS[1].to_owned(),
        to: GENERALS[0].to_owned(),
        kind: Kind::Request,
        nth: 1 + LAST / 2,
        fate: Fate::Lost,
    };
    let run = Run {
        faults: Some(vec![lost]),
        ..recorded(MODEL, 0)
    };
    let (_, outcome) = ran(run, |world, seen| generals(world, seen, LAST, 1));
    let trace = outcome.trace.unwrap_or_default();
    let view = View {
        from_ns: WARM_UP.as_nanos() as u64,
        to_ns: (WARM_UP + ATTEMPT).as_nanos() as u64,
        nodes: Some(GENERALS.map(str::to_owned).into()),
        ..View::whole(&trace)
    };
    let title = "the order and three acknowledgements; the last messenger is caught";
    svg(&trace, &view.titled(title, "exactly one attacks"))
}

type Heard = BTreeSet<(u64, u64)>;

/// Each has to have heard the last message that is for it; the order is from the first, the rest in turns.
fn attackers(heard: &Heard, attempt: u64, acknowledgements: u64) -> usize {
    let last = |receiver: u64| (0..=acknowledgements).rev().find(|number| (number + 1) % 2 == receiver);
    let attacks = |receiver: &u64| last(*receiver).is_none_or(|number| heard.contains(&(attempt, number)));
    [0, 1].iter().filter(|receiver| attacks(receiver)).count()
}

fn attack(run: Run, acknowledgements: u64, caught: u64) -> (Heard, Outcome) {
    let faults = Some(messengers(run.seed, caught, ATTEMPTS * (ACKNOWLEDGEMENTS_MAX + 1)));
    let run = Run { faults, ..run };
    ran(run, move |world, seen| {
        generals(world, seen, acknowledgements, ATTEMPTS)
    })
}

/// The messengers that are caught, of so many each way. The first each way opens a connection, before the first attempt.
fn messengers(seed: u64, caught: u64, each_way: u64) -> Vec<Fault> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ caught;
    let ways = [(0, 1), (1, 0)].into_iter();
    let all = ways.flat_map(|(from, to)| (1..=each_way).map(move |nth| (from, to, nth)));
    let lost = all.filter(|_| mixed(&mut state) % 100 < caught);
    lost.map(|(from, to, nth): (usize, usize, u64)| Fault::Message {
        from: GENERALS[from].to_owned(),
        to: GENERALS[to].to_owned(),
        kind: Kind::Request,
        nth,
        fate: Fate::Lost,
    })
    .collect()
}

/// The generator SplitMix64 (G. Steele, D. Lea and C. Flood, *Fast splittable pseudorandom number generators*, 2014).
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

async fn generals(world: World, seen: Seen<Heard>, acknowledgements: u64, attempts: u64) {
    for (index, name) in GENERALS.into_iter().enumerate() {
        let seen = seen.clone();
        world.provide::<dyn General, _, _, _>(name, move |env| {
            let other: Ref<dyn General> = reference(&env, GENERALS[1 - index]);
            let seen = seen.clone();
            // Connections are open before the first attempt.
            drop(env.spawn("hello", hello(env.clone(), other.clone())));
            if index == 0 {
                drop(env.spawn("orders", order(env.clone(), other.clone(), attempts)));
            }
            async move {
                Camp {
                    env,
                    other,
                    seen,
                    acknowledgements,
                }
            }
        });
    }
    world.env().sleep(WARM_UP / 2).await;
    world.chaos(WARM_UP + ATTEMPT * attempts as u32).await;
}

/// No attempt has this number.
const HELLO: u64 = u64::MAX;

async fn hello(env: Env, other: Ref<dyn General>) {
    let _ = other.hear(&Cx::root(&env).within(WARM_UP), HELLO, 0).await;
}

async fn order(env: Env, other: Ref<dyn General>, attempts: u64) {
    env.sleep(WARM_UP).await;
    for attempt in 0..attempts {
        let _ = other.hear(&Cx::root(&env).within(PATIENCE), attempt, 0).await;
        env.sleep(ATTEMPT - PATIENCE).await;
    }
}

struct Camp {
    env: Env,
    other: Ref<dyn General>,
    seen: Seen<Heard>,
    acknowledgements: u64,
}

impl General for Camp {
    async fn hear(&self, _: &Cx, attempt: u64, number: u64) -> Result<(), CallError> {
        if attempt == HELLO {
            return Ok(());
        }
        self.seen.with(|heard| heard.insert((attempt, number)));
        if number < self.acknowledgements {
            let (env, other) = (self.env.clone(), self.other.clone());
            let messenger = async move {
                // Whether that arrived is what nobody knows.
                let _ = other.hear(&Cx::root(&env).within(PATIENCE), attempt, number + 1).await;
            };
            drop(self.env.spawn("messenger", messenger));
        }
        Ok(())
    }

    async fn obey(&self, _: &Cx, _: u64) -> Result<(), CallError> {
        Ok(())
    }
}

#[derive(Default)]
struct Orders {
    orders: u64,
    answered: u64,
    /// How often each was heard.
    heard: BTreeMap<u64, u64>,
}

async fn repeat(world: World, seen: Seen<Orders>) {
    let told = seen.clone();
    world.provide::<dyn General, _, _, _>(GENERALS[1], move |_| {
        let seen = told.clone();
        async move { Obedient(seen) }
    });
    let (told, at) = (seen.clone(), world.clone());
    world.client(GENERALS[0], move |env| orders(env, at.clone(), told.clone()));
    world.chaos(CHAOS).await;
    let within = Duration::from_secs(60);
    world
        .settle("an answer to the last order", within, || {
            seen.with(|seen| seen.orders == seen.answered)
        })
        .await;
}

async fn orders(env: Env, world: World, seen: Seen<Orders>) {
    let other: Ref<dyn General> = reference(&env, GENERALS[1]);
    for order in 0.. {
        if world.now() > CHAOS {
            return;
        }
        seen.with(|seen| seen.orders += 1);
        while other.obey(&Cx::root(&env).within(PATIENCE), order).await.is_err() {}
        seen.with(|seen| seen.answered += 1);
        env.sleep(PATIENCE).await;
    }
}

struct Obedient(Seen<Orders>);

impl General for Obedient {
    async fn hear(&self, _: &Cx, _: u64, _: u64) -> Result<(), CallError> {
        Ok(())
    }

    async fn obey(&self, _: &Cx, order: u64) -> Result<(), CallError> {
        // The first time it attacks; afterwards it only answers.
        self.0.with(|seen| *seen.heard.entry(order).or_default() += 1);
        Ok(())
    }
}
