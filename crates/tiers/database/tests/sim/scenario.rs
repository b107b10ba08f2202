//! The scenario `ledgers`: what was acknowledged is there once, with all of its parts, and whoever asks again is answered
//! the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sim::check::Acknowledged;
use sim::{Scenario, World, reference};
use terrace::{CallId, Cx, Env, Root, sometimes};

use crate::ledger::{Book, Content, Ledger, LedgerError};

/// Switches the record of call ids off, for a test of the tests.
pub(crate) const FORGETS: &str = "TERRACE_DATABASE_FORGETS";

const SERVERS: [&str; 2] = ["ledger-0", "ledger-1"];

const CLIENTS: u64 = 3;

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(120);

/// What a client waits between its bursts at most, in milliseconds, and how many requests are in one at most.
const PAUSE_MS_MAX: u64 = 2_000;
const BURST_MAX: u64 = 6;

/// What a client gives a request, in milliseconds: often less than a lost message takes to be noticed.
const PATIENCE_MS_MIN: u64 = 500;
const PATIENCE_MS_MAX: u64 = 8_000;

/// Of so many requests one is to be refused, one is a remark, and after one it is counted.
const REFUSED_EVERY: u64 = 10;
const REMARK_EVERY: u64 = 7;
const COUNTED_EVERY: u64 = 4;

/// How often the ledgers are asked what is in them.
const READS_MAX: u32 = 10;

/// The scenario under `model`.
pub(crate) fn scenario(model: &'static str) -> Scenario {
    let forgets = std::env::var_os(FORGETS).is_some();
    Scenario::new("ledgers", move |world| ledgers(world, forgets))
        .about("What was acknowledged is there once, with all of its parts")
        .model(model)
        .environment(FORGETS)
        .sometimes("a request was acknowledged")
        .sometimes("a request may have happened")
        .sometimes("a request was refused when half of it was done")
        .sometimes("an acknowledged request was asked for again")
}

/// What the clients know.
#[derive(Clone, Default)]
struct Known {
    requests: Arc<Mutex<BTreeMap<u64, Request>>>,
    entries: [Acknowledged<u64>; 2],
    remarks: [Acknowledged<u64>; 2],
}

#[derive(Default)]
struct Request {
    place: Option<u64>,
    /// Whether there is nothing to be learned of it any more.
    is_over: bool,
}

fn server(number: u64) -> usize {
    (number % SERVERS.len() as u64) as usize
}

fn is_refused(number: u64) -> bool {
    number.is_multiple_of(REFUSED_EVERY)
}

impl Known {
    fn requests(&self) -> MutexGuard<'_, BTreeMap<u64, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> u64 {
        let mut requests = self.requests();
        let number = requests.len() as u64;
        requests.insert(number, Request::default());
        number
    }

    fn open(&self) -> Vec<u64> {
        let requests = self.requests();
        let open = requests.iter().filter(|(_, request)| !request.is_over);
        open.map(|(number, _)| *number).collect()
    }

    fn over(&self, number: u64, place: Option<u64>) {
        if let Some(request) = self.requests().get_mut(&number) {
            request.place = request.place.or(place);
            request.is_over = true;
        }
    }
}

async fn ledgers(world: World, forgets: bool) {
    for name in SERVERS {
        world.provide::<dyn Ledger, _, _, _>(name, move |env| open(env, forgets));
    }
    let (known, working) = (Known::default(), Arc::new(AtomicBool::new(true)));
    for client in 0..CLIENTS {
        let (world, known, working) = (world.clone(), known.clone(), working.clone());
        world.clone().client(&format!("client-{client}"), move |env| {
            work(world.clone(), env, known.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.store(false, Ordering::Relaxed);
    // Whatever a client still waits for ends.
    world.env().sleep(Duration::from_millis(2 * PATIENCE_MS_MAX)).await;
    let (env, finishing, finished) = (world.env().clone(), world.clone(), known.clone());
    drop(world.env().spawn("finish", async move {
        for number in finished.open() {
            while finished.requests().get(&number).is_some_and(|request| !request.is_over) {
                enter(&finishing, &env, &finished, number, Duration::from_secs(10)).await;
                env.sleep(Duration::from_millis(200)).await;
            }
        }
    }));
    let all = || known.open().is_empty();
    world.settle("an answer to every request", SETTLE, all).await;
    for (index, name) in SERVERS.iter().enumerate() {
        let Some(content) = content(&world, name).await else {
            world.fail(format!("`{name}` does not say what is in it, though all is healed"));
        };
        check(&world, &known, index, &content);
    }
}

/// Opens a ledger, again and again while its disk does not let it.
async fn open(env: Env, forgets: bool) -> Book {
    loop {
        match Book::open(&env, forgets).await {
            Ok(book) => return book,
            Err(_) => env.sleep(Duration::from_millis(100)).await,
        }
    }
}

/// What a client does whenever it starts: bursts of requests, so that transactions share commits.
async fn work(world: World, env: Env, known: Known, working: Arc<AtomicBool>) {
    let mut random = env.random("requests");
    while working.load(Ordering::Relaxed) {
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        for _ in 0..=random.below(BURST_MAX) {
            let number = known.begin();
            let patience = PATIENCE_MS_MIN + random.below(PATIENCE_MS_MAX - PATIENCE_MS_MIN);
            let (world, known, own) = (world.clone(), known.clone(), env.clone());
            drop(env.spawn("request", async move {
                request(&world, &own, &known, number, Duration::from_millis(patience)).await;
            }));
        }
    }
}

async fn request(world: &World, env: &Env, known: &Known, number: u64, patience: Duration) {
    if number.is_multiple_of(REMARK_EVERY) {
        remark(env, known, number, patience).await;
    } else {
        enter(world, env, known, number, patience).await;
        if known
            .requests()
            .get(&number)
            .is_some_and(|request| request.place.is_some())
        {
            sometimes!(env, true, "an acknowledged request was asked for again");
            enter(world, env, known, number, patience).await;
        }
    }
    if !number.is_multiple_of(COUNTED_EVERY) {
        return;
    }
    let ledger = reference::<dyn Ledger>(env, SERVERS[server(number)]);
    if let Ok((debits, credits, total)) = ledger.counts(&Cx::root(env).within(patience)).await
        && (debits != credits || debits != total)
    {
        world.violated(
            env,
            format!("half a transaction is seen: {debits} debits, {credits} credits, {total} entries"),
        );
    }
}

/// A request that is named by its number, on every attempt.
fn root(env: &Env, number: u64) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"request", &number.to_le_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(env, root)
}

async fn enter(world: &World, env: &Env, known: &Known, number: u64, patience: Duration) {
    let (entries, cx) = (&known.entries[server(number)], root(env, number).within(patience));
    let ledger = reference::<dyn Ledger>(env, SERVERS[server(number)]);
    entries.attempted(number);
    match ledger.enter(&cx, number, is_refused(number)).await {
        Ok(place) => {
            sometimes!(env, true, "a request was acknowledged");
            entries.acknowledged(number);
            let before = known.requests().get(&number).and_then(|request| request.place);
            if before.is_some_and(|before| before != place) {
                world.violated(
                    env,
                    format!("request {number} was answered {before:?} and then {place}"),
                );
            }
            known.over(number, Some(place));
        }
        Err(LedgerError::Refused) => {
            sometimes!(env, true, "a request was refused when half of it was done");
            known.over(number, None);
        }
        Err(LedgerError::Call(error)) if error.certainly_did_not_run() => entries.refused(number),
        Err(LedgerError::Call(_)) => sometimes!(env, true, "a request may have happened"),
    }
}

async fn remark(env: &Env, known: &Known, number: u64, patience: Duration) {
    let remarks = &known.remarks[server(number)];
    let ledger = reference::<dyn Ledger>(env, SERVERS[server(number)]);
    // Nobody asks again.
    known.over(number, None);
    remarks.attempted(number);
    match ledger.remark(&root(env, number).within(patience), number).await {
        Ok(()) => remarks.acknowledged(number),
        Err(LedgerError::Call(error)) if error.certainly_did_not_run() => remarks.refused(number),
        Err(_) => {}
    }
}

/// What a ledger holds, once it says so.
async fn content(world: &World, name: &str) -> Option<Content> {
    let ledger = reference::<dyn Ledger>(world.env(), name);
    for _ in 0..READS_MAX {
        let cx = Cx::root(world.env()).within(Duration::from_secs(10));
        if let Ok(content) = ledger.content(&cx).await {
            return Some(content);
        }
    }
    None
}

fn check(world: &World, known: &Known, index: usize, content: &Content) {
    let Content {
        debits,
        credits,
        remarks,
        total,
    } = content;
    world.check(known.entries[index].verify(debits.iter().map(|(number, _)| *number)));
    world.check(known.remarks[index].verify(remarks.iter().copied()));
    let debited: BTreeSet<u64> = debits.iter().map(|(number, _)| *number).collect();
    let credited: BTreeSet<u64> = credits.iter().copied().collect();
    let places: BTreeSet<u64> = debits.iter().map(|(_, place)| *place).collect();
    if debited != credited || debits.len() != credits.len() || *total != debits.len() as u64 {
        world.fail(format!(
            "half a transaction is there: {debits:?}, {credits:?}, {total} entries"
        ));
    }
    if places != (1..=*total).collect() {
        world.fail(format!("the places are not 1 to {total}: {places:?}"));
    }
    if let Some(refused) = debited.iter().find(|number| is_refused(**number)) {
        world.fail(format!(
            "request {refused} is there, though it was refused when half of it was done"
        ));
    }
    for (number, place) in debits {
        let answered = known.requests().get(number).and_then(|request| request.place);
        if answered.is_some_and(|answered| answered != *place) {
            world.fail(format!(
                "request {number} has place {place}, and its client was told {answered:?}"
            ));
        }
    }
}
