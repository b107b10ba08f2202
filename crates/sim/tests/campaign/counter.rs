//! A counter and its client, which repeats what nobody may repeat if it is told to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::{Scenario, World};
use terrace::{CallError, Cx};

/// Adds numbers up.
#[terrace::component]
pub trait Counter {
    /// Adds a number. It has no mark: nobody may repeat it.
    async fn add(&self, cx: &Cx, number: u64) -> Result<(), CallError>;
}

struct Adding(Arc<Mutex<Vec<u64>>>);

impl Counter for Adding {
    async fn add(&self, _: &Cx, number: u64) -> Result<(), CallError> {
        self.0.lock().expect("no panic").push(number);
        Ok(())
    }
}

/// A client that adds numbers for as long as faults strike, and one that begins again after every error if it is told to.
async fn add_numbers(world: World, by_hand: bool, tell: fn(usize) -> &'static str) {
    let added = Arc::new(Mutex::new(Vec::new()));
    let numbers = added.clone();
    world.provide::<dyn Counter, _, _, _>("counter", move |_| {
        let numbers = numbers.clone();
        async move { Adding(numbers) }
    });
    world.client("client", move |env| async move {
        let counter = sim::reference::<dyn Counter>(&env, "counter");
        for number in 0.. {
            let cx = Cx::root(&env).within(Duration::from_secs(1));
            let mut done = counter.add(&cx, number).await;
            world::sometimes!(env, done.is_err(), "an addition failed");
            while by_hand && done.is_err() {
                env.sleep(Duration::from_millis(100)).await;
                let cx = Cx::root(&env).within(Duration::from_secs(1));
                done = counter.add(&cx, number).await;
            }
            env.sleep(Duration::from_millis(20)).await;
        }
    });
    world.chaos(Duration::from_secs(10)).await;
    let added = added.lock().expect("no panic").clone();
    let different: BTreeSet<u64> = added.iter().copied().collect();
    if different.len() < added.len() {
        world.fail(tell(added.len() - different.len()));
    }
}

fn twice(_: usize) -> &'static str {
    "a number was added twice"
}

/// Loses messages and connections, and does nothing else.
pub(crate) const LOSSY: &str = "synchronous + correct + lossy(0.02)";

/// A client that tries once.
pub(crate) fn one_try() -> Scenario {
    Scenario::new("one-try", |world| add_numbers(world, false, twice))
        .model(LOSSY)
        .sometimes("an addition failed")
}

/// A client that tries again by hand.
pub(crate) fn by_hand() -> Scenario {
    Scenario::new("by-hand", |world| add_numbers(world, true, twice)).model(LOSSY)
}

/// The same, which shows one bug where one number was added twice, and another one where there are more.
pub(crate) fn two_bugs() -> Scenario {
    let tell = |doubled| match doubled {
        1 => "the one bug",
        _ => "the other bug",
    };
    Scenario::new("two-bugs", move |world| add_numbers(world, true, tell)).model(LOSSY)
}
