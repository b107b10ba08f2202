//! The greeter on two nodes: a scenario as a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use terrace::simulation::{World, reference};
use terrace::{Cx, Env, sometimes};

use crate::greeter::{GreetError, Greeter, Polite};
use crate::names::{Book, Names};

const GUESTS: [(&str, &str); 2] = [("Ada", "Hello, Countess Ada!"), ("Grace", "Hello, Grace!")];

const CHAOS: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);

#[terrace::simulate(
    model = "asynchronous",
    seeds = 100,
    sometimes = ["somebody was greeted", "somebody was not greeted"]
)]
async fn a_greeting_is_right_or_it_is_an_error_of_the_call(world: World) {
    world.provide::<dyn Names, _, _, _>("names", |_| async { book() });
    world.provide::<dyn Greeter, _, _, _>("greeter", |env| async move { Polite::new(reference(&env, "names")) });
    let greeted = Arc::new(AtomicU64::new(0));
    for (guest, greeting) in GUESTS {
        let (guests, greeted) = (world.clone(), greeted.clone());
        world.client(guest, move |env| {
            visit(guests.clone(), env, guest, greeting, greeted.clone())
        });
    }
    world.chaos(CHAOS).await;
    let before = greeted.load(Ordering::Relaxed);
    let again = || greeted.load(Ordering::Relaxed) > before;
    world.settle("a greeting after all was healed", SETTLE, again).await;
}

fn book() -> Book {
    serde_json::from_str(r#"{ "titles": { "Ada": "Countess" } }"#).expect("a book")
}

/// Asks for a greeting, over and over.
async fn visit(world: World, env: Env, guest: &'static str, greeting: &'static str, greeted: Arc<AtomicU64>) {
    let greeter = reference::<dyn Greeter>(&env, "greeter");
    loop {
        let answer = greeter.greet(&Cx::root(&env).within(PATIENCE), guest.to_owned()).await;
        match answer {
            Ok(heard) if heard == greeting => {
                sometimes!(env, true, "somebody was greeted");
                greeted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(heard) => world.violated(&env, format!("{guest} heard `{heard}`")),
            Err(GreetError::Call(_)) => sometimes!(env, true, "somebody was not greeted"),
            Err(GreetError::Name(error)) => world.violated(&env, format!("{guest} is no name: {error}")),
        }
        env.sleep(PAUSE).await;
    }
}
