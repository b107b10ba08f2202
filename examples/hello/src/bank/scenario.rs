//! The scenario `bank`: clients move money while faults strike; in the end every transfer has happened once or not at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use terrace::simulation::model::{Disk, Processes};
use terrace::simulation::{Scenario, World, reference};
use terrace::{CallErrorKind, CallId, Cx, Env, Random, Root, sometimes};

use super::{ACCOUNTS, Bank, BankError, Checking, DEPOSIT, Entry, Ledger, Order, Savings, Teller, Told};

/// Switches the record of call ids off, for a test of the tests: the campaign must find doubled money.
const FORGETS: &str = "HELLO_BANK_FORGETS";

const CLIENTS: u64 = 3;

/// How long faults strike, and how long the rest may take.
const CHAOS: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(120);

/// What a client waits between two transfers at most, in milliseconds.
const PAUSE_MS_MAX: u64 = 400;

/// What a client gives a transfer, in milliseconds: more than it takes when nothing goes wrong, and often less than a lost
/// message takes to be noticed.
const PATIENCE_MS_MIN: u64 = 500;
const PATIENCE_MS_MAX: u64 = 8_000;

/// How often a client asks for one transfer, under one id, while it may have happened.
const ATTEMPTS_MAX: u32 = 3;

/// How often the ledgers are asked what is in them.
const READS_MAX: u32 = 10;

/// What an ordinary transfer moves at most.
const AMOUNT_MAX: u64 = 100;

/// The scenario, for `simulate`.
pub fn scenario() -> Scenario {
    let forgets = std::env::var_os(FORGETS).is_some();
    Scenario::new("bank", move |world| bank(world, forgets))
        .about("Money is neither lost nor doubled, whatever happens to calls, nodes, disks and clocks")
        .seeds(500)
        .environment(FORGETS)
        .sometimes("a repeated call got the recorded answer")
        .sometimes("a transfer certainly did not run")
        .sometimes("a transfer may have run")
        .sometimes("a deadline ran out")
        .sometimes("a transfer was cancelled")
        .sometimes("an account had too little")
}

/// What the clients know of their transfers.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<BTreeMap<u64, Transfer>>>);

struct Transfer {
    order: Order,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing has come back, or that it may have run.
    Unknown,
    Acknowledged,
    /// Refused by the bank, or certainly not run.
    Not,
    /// The client changed its mind: it may have happened, and nobody asks again.
    Cancelled,
}

impl Known {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Transfer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, client: u64, random: &mut Random) -> Order {
        let mut all = self.all();
        let number = all.len() as u64 * CLIENTS + client;
        let order = Order {
            number,
            account: ACCOUNTS[random.below(ACCOUNTS.len() as u64) as usize].to_owned(),
            // Some ask for more than there ever is.
            amount: if random.below(20) == 0 {
                2 * DEPOSIT
            } else {
                1 + random.below(AMOUNT_MAX)
            },
        };
        let transfer = Transfer {
            order: order.clone(),
            fate: Fate::Unknown,
        };
        all.insert(number, transfer);
        order
    }

    fn unknown(&self) -> Vec<Order> {
        let all = self.all();
        let unknown = all.values().filter(|transfer| transfer.fate == Fate::Unknown);
        unknown.map(|transfer| transfer.order.clone()).collect()
    }

    fn end(&self, number: u64, fate: Fate) {
        if let Some(transfer) = self.all().get_mut(&number) {
            transfer.fate = fate;
        }
    }
}

/// Complaints that the bank has heard, and those that were made.
#[derive(Clone, Default)]
pub struct Complaints(Arc<Mutex<BTreeMap<u64, u64>>>);

impl Complaints {
    pub(super) fn add(&self, number: u64) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *heard.entry(number).or_default() += 1;
    }

    fn most(&self) -> u64 {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.values().copied().max().unwrap_or_default()
    }
}

async fn bank(world: World, forgets: bool) {
    if world.model().disk >= Disk::Torn {
        // Looked at, and so declared, where the model can show it.
        sometimes!(world.env(), false, "a torn line was cut off");
    }
    let (known, complaints) = (Known::default(), Complaints::default());
    set_up(&world, &complaints, forgets);
    let working = Arc::new(std::sync::atomic::AtomicBool::new(true));
    for client in 0..CLIENTS {
        let (known, working) = (known.clone(), working.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, client, known.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.store(false, std::sync::atomic::Ordering::Relaxed);
    // Whatever a client still waits for ends, so that it is known or is not.
    world.env().sleep(Duration::from_millis(2 * PATIENCE_MS_MAX)).await;
    drop(world.env().spawn("finish", finish(world.env().clone(), known.clone())));
    // Nobody replicates a ledger: of one that is gone for good there is no answer.
    if world.model().processes != Processes::CrashStop {
        let finished = || known.unknown().is_empty();
        world.settle("an answer to every transfer", SETTLE, finished).await;
    }
    check(&world, &known, &complaints).await;
}

fn set_up(world: &World, complaints: &Complaints, forgets: bool) {
    let told = once_each(world);
    world.provide::<dyn Checking, _, _, _>("checking", move |env| open(env, DEPOSIT, forgets, told.clone()));
    let told = once_each(world);
    world.provide::<dyn Savings, _, _, _>("savings", move |env| open(env, 0, forgets, told.clone()));
    let complaints = complaints.clone();
    world.provide::<dyn Bank, _, _, _>("bank", move |env| {
        let teller = Teller {
            checking: reference(&env, "checking"),
            savings: reference(&env, "savings"),
            complaints: complaints.clone(),
        };
        async move { teller }
    });
}

/// Sees a doubled entry when it is made, so that the picture of a failure shows it there.
fn once_each(world: &World) -> Told {
    let (world, seen) = (world.clone(), Mutex::new(BTreeMap::<u64, u64>::new()));
    Arc::new(move |env, entry| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.entry(entry.number).or_default();
        *times += 1;
        if *times > 1 {
            let Entry { number, call, amount } = entry;
            let call = &call[call.len().saturating_sub(4)..];
            world.violated(
                env,
                format!("doubled money: transfer {number} moved its {amount} {times} times, by call {call}"),
            );
        }
    })
}

/// Opens a ledger, again and again while its disk does not let it.
async fn open(env: Env, deposit: u64, forgets: bool, told: Told) -> Ledger {
    loop {
        match Ledger::open(&env, deposit, forgets, told.clone()).await {
            Ok(ledger) => return ledger,
            Err(_) => env.sleep(Duration::from_millis(100)).await,
        }
    }
}

/// What a client does whenever it starts.
async fn work(env: Env, client: u64, known: Known, working: Arc<std::sync::atomic::AtomicBool>) {
    let bank = reference::<dyn Bank>(&env, "bank");
    let mut random = env.random("orders");
    while working.load(std::sync::atomic::Ordering::Relaxed) {
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        let order = known.begin(client, &mut random);
        let number = order.number;
        let mut doubted = false;
        for _ in 0..ATTEMPTS_MAX {
            let patience = PATIENCE_MS_MIN + random.below(PATIENCE_MS_MAX - PATIENCE_MS_MIN);
            let patience = Duration::from_millis(patience);
            let (cx, canceller) = root(&env, number).within(patience).cancellable();
            if random.below(20) == 0 {
                let (after, waits) = (Duration::from_millis(random.below(20)), env.clone());
                drop(env.spawn("change of mind", async move {
                    waits.sleep(after).await;
                    canceller.cancel();
                }));
            }
            let answered = fate(&env, bank.transfer(&cx, order.clone()).await);
            doubted |= answered == Fate::Unknown;
            if answered == Fate::Not && doubted {
                // This attempt did nothing; an earlier one may have.
                continue;
            }
            known.end(number, answered);
            if answered != Fate::Unknown {
                break;
            }
        }
        if random.below(10) == 0 {
            // Whatever is answered: it is said once, and not again.
            let cx = root(&env, number).within(Duration::from_millis(PATIENCE_MS_MAX));
            let _ = bank.complain(&cx, number).await;
        }
    }
}

/// A request that is named by its transfer, on every attempt.
fn root(env: &Env, number: u64) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"transfer", &number.to_le_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(env, root)
}

/// What an answer says of a transfer's fate.
fn fate(env: &Env, answer: Result<u64, BankError>) -> Fate {
    match answer {
        Ok(_) => Fate::Acknowledged,
        Err(BankError::Insufficient { .. }) => {
            sometimes!(env, true, "an account had too little");
            Fate::Not
        }
        Err(BankError::Disk { .. }) => Fate::Unknown,
        Err(BankError::Call(error)) => {
            if error.kind() == CallErrorKind::Cancelled {
                sometimes!(env, true, "a transfer was cancelled");
                return Fate::Cancelled;
            }
            sometimes!(
                env,
                error.kind() == CallErrorKind::DeadlineExceeded,
                "a deadline ran out"
            );
            match error.certainly_did_not_run() {
                true => {
                    sometimes!(env, true, "a transfer certainly did not run");
                    Fate::Not
                }
                false => {
                    sometimes!(env, true, "a transfer may have run");
                    Fate::Unknown
                }
            }
        }
    }
}

/// Makes every transfer whose fate is unknown again, under its id, until it is known.
async fn finish(env: Env, known: Known) {
    let bank = reference::<dyn Bank>(&env, "bank");
    for order in known.unknown() {
        let number = order.number;
        loop {
            let cx = root(&env, number).within(Duration::from_secs(10));
            match bank.transfer(&cx, order.clone()).await {
                Ok(_) => known.end(number, Fate::Acknowledged),
                Err(BankError::Insufficient { .. }) => known.end(number, Fate::Not),
                Err(_) => {
                    env.sleep(Duration::from_millis(500)).await;
                    continue;
                }
            }
            break;
        }
    }
}

/// Both ledgers hold what was acknowledged, once, and nothing that certainly did not happen.
async fn check(world: &World, known: &Known, complaints: &Complaints) {
    let Some((debits, credits)) = entries(world).await else {
        if world.model().processes == Processes::CrashStop {
            return;
        }
        world.fail("the ledgers do not say what is in them, though all is healed");
    };
    let (debits, credits) = (counted(&debits), counted(&credits));
    for (number, (times, _)) in &debits {
        if *times > 1 {
            world.fail(format!("doubled money: transfer {number} took its money {times} times"));
        }
    }
    for (number, (times, amount)) in &credits {
        if *times > 1 {
            world.fail(format!(
                "doubled money: transfer {number} paid its {amount} {times} times"
            ));
        }
        if !debits.contains_key(number) {
            world.fail(format!("transfer {number} paid {amount} that it took from nobody"));
        }
    }
    for (number, transfer) in known.all().iter() {
        let there = (debits.contains_key(number), credits.contains_key(number));
        match (transfer.fate, there) {
            (Fate::Acknowledged, (true, true)) | (Fate::Not, (false, false)) => {}
            (Fate::Unknown | Fate::Cancelled, _) => {}
            (Fate::Acknowledged, _) => {
                world.fail(format!("transfer {number} was acknowledged, and is lost: {there:?}"))
            }
            (Fate::Not, _) => world.fail(format!(
                "transfer {number} certainly did not run, and is there: {there:?}"
            )),
        }
    }
    if complaints.most() > 1 {
        world.fail("a complaint, which has no mark, was made more than once");
    }
}

/// What both ledgers hold, once they say so.
async fn entries(world: &World) -> Option<(Vec<Entry>, Vec<Entry>)> {
    let env = world.env();
    let (checking, savings) = (
        reference::<dyn Checking>(env, "checking"),
        reference::<dyn Savings>(env, "savings"),
    );
    for _ in 0..READS_MAX {
        let cx = Cx::root(env).within(Duration::from_secs(10));
        if let (Ok(debits), Ok(credits)) = (checking.entries(&cx).await, savings.entries(&cx).await) {
            return Some((debits, credits));
        }
    }
    None
}

/// By transfer: how often, and how much.
fn counted(entries: &[Entry]) -> BTreeMap<u64, (u64, u64)> {
    let mut counted = BTreeMap::new();
    for entry in entries {
        let (times, amount) = counted.entry(entry.number).or_insert((0, 0));
        *times += 1;
        *amount = entry.amount;
    }
    counted
}
