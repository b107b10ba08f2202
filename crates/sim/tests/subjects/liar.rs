//! A price list on three replicas. *Wrong*: a reader believes whichever replica it asks. *Right*: it believes what two of
//! the three say, `Voted`, which holds with one liar and not with two.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use component::Voted;
use sim::{Scenario, World, reference};
use terrace::{CallError, Cx, Ref};
use world::Env;

use crate::trial::{Planted, Working, wait};

/// The bug, and where it shows.
pub(crate) const BUG: Planted = Planted {
    name: "a lying replica without votes",
    wrong: || scenario("prices of one", Reads::One),
    right: || scenario("prices by vote", Reads::Voted),
    weak: "byzantine(1)",
    // The same, but nodes do not lie.
    strong: "datacentre + authenticated + no-partitions + timing + faulty(1)",
    holds: "byzantine(1)",
    promise: "a wrong price was read",
};

/// One liar more, and the right version does not hold.
pub(crate) const BREAKS: &str = "byzantine(2)";

/// Whom a reader asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// One replica.
    One,
    /// All three.
    Voted,
}

const CHAOS: Duration = Duration::from_secs(20);
const REPLICAS: [&str; 3] = ["replica-0", "replica-1", "replica-2"];
const CLIENTS: u64 = 2;
const ITEMS: u64 = 8;
const PAUSE_MS_MAX: u64 = 400;
const PATIENCE: Duration = Duration::from_secs(2);

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

/// What readers were told that is not so.
type Wrong = Arc<Mutex<Vec<String>>>;

fn scenario(name: &'static str, reads: Reads) -> Scenario {
    Scenario::new(name, move |world| run(world, reads))
}

async fn run(world: World, reads: Reads) {
    world.lie::<u64>("Prices.price", |price, told| price + 1 + told);
    for name in REPLICAS {
        world.provide::<dyn Prices, _, _, _>(name, |_| async { List });
    }
    let (wrong, working) = (Wrong::default(), Working::default());
    for client in 0..CLIENTS {
        let (wrong, working) = (wrong.clone(), working.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, reads, wrong.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(2 * PATIENCE).await;
    let first = wrong.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
    world.check(first.map_or(Ok(()), Err));
}

async fn work(env: Env, reads: Reads, wrong: Wrong, working: Working) {
    let replicas = REPLICAS.map(|name| reference::<dyn Prices>(&env, name));
    let asked: Vec<Ref<dyn Prices>> = match reads {
        Reads::One => replicas.into(),
        Reads::Voted => match Voted::new(env.node(), 1, replicas.into()) {
            Ok(voted) => vec![voted.reference()],
            // There are three of them, each once.
            Err(error) => panic!("{error}"),
        },
    };
    let mut random = env.random("items");
    while working.goes_on() {
        wait(&env, &mut random, PAUSE_MS_MAX).await;
        let item = random.below(ITEMS);
        let prices = &asked[random.below(asked.len() as u64) as usize];
        if let Ok(told) = prices.price(&Cx::root(&env).within(PATIENCE), item).await
            && told != price(item)
        {
            let text = format!(
                "a wrong price was read: {told} for item {item}, which costs {}",
                price(item)
            );
            wrong.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }
}
