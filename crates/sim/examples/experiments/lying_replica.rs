//! A price list on replicas of which some lie. What f + 1 of 2f + 1 say is true with f liars, and may be a lie with one
//! more.

use std::time::Duration;

use component::Voted;
use sim::diagram::{View, svg};
use sim::{Outcome, Run, World, reference};
use terrace::{CallError, Cx, Ref};
use world::Env;

use crate::measure::{Measured, Seen, drawn, ran, recorded, table};

/// So many replicas of which f may lie, and so many that do. With f = 0 one replica is asked, and believed.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) replicas: usize,
    pub(crate) tolerated: usize,
    pub(crate) liars: u32,
}

/// What is measured.
pub(crate) const CASES: [Case; 7] = [
    case(3, 0, 1),
    case(3, 1, 1),
    case(3, 1, 2),
    case(5, 0, 1),
    case(5, 2, 1),
    case(5, 2, 2),
    case(5, 2, 3),
];

const fn case(replicas: usize, tolerated: usize, liars: u32) -> Case {
    Case {
        replicas,
        tolerated,
        liars,
    }
}

const CHAOS: Duration = Duration::from_secs(30);
const READERS: u64 = 2;
const ITEMS: u64 = 8;
const PAUSE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(2);
/// A picture is looked for among so many seeds.
const PICTURE_SEEDS: u64 = 60;

/// A price list.
#[terrace::component]
pub(crate) trait Prices {
    /// What an item costs.
    #[call(read)]
    async fn price(&self, cx: &Cx, item: u64) -> Result<u64, CallError>;
}

struct List;

impl Prices for List {
    async fn price(&self, _: &Cx, item: u64) -> Result<u64, CallError> {
        Ok(price(item))
    }
}

fn price(item: u64) -> u64 {
    100 * item + 99
}

/// How reads ended.
#[derive(Default)]
pub(crate) struct Reads {
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    /// No answer: too few agreed in time.
    pub(crate) none: u64,
    /// Runs with a wrong one.
    pub(crate) wrong_runs: u64,
}

/// Measures one case.
pub(crate) fn reads(case: Case, seeds: u64) -> Reads {
    let mut all = Reads::default();
    for seed in 0..seeds {
        let (reads, _) = once(drawn(&model(case), seed), case);
        all.right += reads.right;
        all.wrong += reads.wrong;
        all.none += reads.none;
        all.wrong_runs += u64::from(reads.wrong > 0);
    }
    all
}

/// Measures all, and draws a lie that wins.
pub(crate) fn measure(seeds: u64) -> Measured {
    let head = [
        "replicas",
        "believed",
        "model",
        "right reads",
        "wrong reads",
        "no answer",
        "runs with a wrong read",
    ];
    let rows = CASES.map(|case| {
        let reads = reads(case, seeds);
        let believed = match case.tolerated {
            0 => "any one".to_owned(),
            f => format!("{} of {}", f + 1, case.replicas),
        };
        let mut cells = vec![case.replicas.to_string(), believed, format!("`{}`", model(case))];
        cells.extend([reads.right, reads.wrong, reads.none].map(|number| number.to_string()));
        cells.push(format!("{} of {seeds}", reads.wrong_runs));
        cells
    });
    Measured {
        tables: format!("{seeds} seeds of 30 s each.\n\n{}", table(&head, &rows)),
        pictures: picture().into_iter().map(|svg| ("lying_replica", svg)).collect(),
    }
}

/// The lie of two that is told in the fewest bytes.
fn picture() -> Option<String> {
    let two = case(3, 1, 2);
    let pictures = (0..PICTURE_SEEDS).filter_map(|seed| {
        let (_, outcome) = once(recorded(&model(two), seed), two);
        let trace = outcome.trace?;
        let view = View::around_violation(&trace)?;
        let title = format!("2 of 3 are believed and 2 of 3 lie, seed {seed}");
        Some(svg(&trace, &view.titled(title, outcome.verdict.name())))
    });
    pictures.min_by_key(String::len)
}

fn model(case: Case) -> String {
    format!("byzantine({})", case.liars)
}

fn once(run: Run, case: Case) -> (Reads, Outcome) {
    ran(run, move |world, seen| experiment(world, seen, case))
}

async fn experiment(world: World, seen: Seen<Reads>, case: Case) {
    // All liars tell the same lie, or the same one to the same reader: they have agreed on it.
    world.lie::<u64>("Prices.price", |price, told| price + 1 + told);
    for index in 0..case.replicas {
        world.provide::<dyn Prices, _, _, _>(&replica(index), |_| async { List });
    }
    for reader in 0..READERS {
        let (at, seen) = (world.clone(), seen.clone());
        world.client(&format!("reader-{reader}"), move |env| {
            read(env, at.clone(), seen.clone(), case)
        });
    }
    world.chaos(CHAOS).await;
}

fn replica(index: usize) -> String {
    format!("replica-{index}")
}

async fn read(env: Env, world: World, seen: Seen<Reads>, case: Case) {
    let replicas: Vec<Ref<dyn Prices>> = (0..case.replicas)
        .map(|index| reference(&env, &replica(index)))
        .collect();
    let asked = match case.tolerated {
        0 => replicas,
        // There are 2f + 1 of them, each once.
        f => vec![
            Voted::new(env.node(), f, replicas)
                .unwrap_or_else(|error| panic!("{error}"))
                .reference(),
        ],
    };
    let mut random = env.random("items");
    loop {
        let item = random.below(ITEMS);
        let prices = &asked[random.below(asked.len() as u64) as usize];
        match prices.price(&Cx::root(&env).within(PATIENCE), item).await {
            Err(_) => seen.with(|reads| reads.none += 1),
            Ok(told) if told == price(item) => seen.with(|reads| reads.right += 1),
            Ok(told) => {
                seen.with(|reads| reads.wrong += 1);
                let why = format!("item {item} costs {} and was read as {told}", price(item));
                world.violated(&env, why);
            }
        }
        env.sleep(PAUSE).await;
    }
}
