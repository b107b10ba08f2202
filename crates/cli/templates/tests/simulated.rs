//! The component in a world where things go wrong: `cargo test --features simulate --test simulated`.
//!
//! Write `transaction(` for `once(cx, ` in src/items/shelf.rs, and it says which lost answer adds an item twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use terrace::database::{Config, Database};
use terrace::simulation::check::Acknowledged;
use terrace::simulation::{World, reference};
use terrace::{CallId, Cx, Env, Root, sometimes};

use application_name::items::{Item, Items, SCHEMA, Shelf};

const CLIENTS: [&str; 2] = ["ada", "grace"];

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(120);

/// How long a client waits for an answer, and between two requests.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

#[terrace::simulate(
    model = "asynchronous",
    seeds = 50,
    sometimes = ["an item was added", "an answer was lost and asked for again"]
)]
async fn what_was_acknowledged_is_on_the_list_once(world: World) {
    world.provide::<dyn Items, _, _, _>("items", open);
    let (told, working) = (Acknowledged::new(), Arc::new(AtomicBool::new(true)));
    for client in CLIENTS {
        let (told, working) = (told.clone(), working.clone());
        world.client(client, move |env| work(env, client, told.clone(), working.clone()));
    }
    world.chaos(CHAOS).await;
    working.store(false, Ordering::Relaxed);
    // Whatever a client still waits for ends.
    world.env().sleep(2 * PATIENCE).await;
    let listed = list(&world).await;
    world.check(told.verify(listed.into_iter().map(|item| item.text)));
}

/// All that is on the list, asked for until somebody answers.
async fn list(world: &World) -> Vec<Item> {
    let answer = Arc::new(Mutex::new(None));
    let (env, heard) = (world.env().clone(), answer.clone());
    drop(world.env().spawn("list", async move {
        let items = reference::<dyn Items>(&env, "items");
        loop {
            if let Ok(all) = items.list(&Cx::root(&env).within(PATIENCE)).await {
                *heard.lock().unwrap() = Some(all);
                return;
            }
            env.sleep(PAUSE).await;
        }
    }));
    let answered = || answer.lock().unwrap().is_some();
    world.settle("the list after all was healed", SETTLE, answered).await;
    answer.lock().unwrap().take().unwrap_or_default()
}

/// Opens the module, again and again while its disk does not let it.
async fn open(env: Env) -> Shelf {
    loop {
        match Database::open(&env, "Items", &Config::default(), &SCHEMA).await {
            Ok(db) => return Shelf::new(db),
            Err(_) => env.sleep(PAUSE).await,
        }
    }
}

/// Adds items, each under one id until it is acknowledged.
async fn work(env: Env, client: &'static str, told: Acknowledged<String>, working: Arc<AtomicBool>) {
    let items = reference::<dyn Items>(&env, "items");
    while working.load(Ordering::Relaxed) {
        let text = format!("{client} {:016x}", env.random("requests").u64());
        let mut attempts = 0;
        while working.load(Ordering::Relaxed) {
            told.attempted(text.clone());
            attempts += 1;
            let cx = request(&env, &text).within(PATIENCE);
            if items.add(&cx, text.clone()).await.is_ok() {
                told.acknowledged(text);
                sometimes!(env, true, "an item was added");
                sometimes!(env, attempts > 1, "an answer was lost and asked for again");
                break;
            }
            env.sleep(PAUSE).await;
        }
        env.sleep(PAUSE).await;
    }
}

/// The request that adds `text`: the same on every attempt.
fn request(env: &Env, text: &str) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"add", text.as_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(env, root)
}
