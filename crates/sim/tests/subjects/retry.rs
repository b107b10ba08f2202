//! A till on one server. *Wrong*: a client that hears nothing says `add` again, which is not marked and adds twice.
//!
//! The bug needs an answer that was lost, so it shows where nodes omit messages. *Right*: the same under one call id, with
//! the record of calls kept in the same slot of the disk as the effect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use component::Root;
use component::once::{Begun, Keeper, once};
use sim::check::Acknowledged;
use sim::{Scenario, World, reference};
use terrace::{CallError, CallErrorKind, CallId, Cx};
use wire::Codec;
use world::{BoxFuture, Env};

use crate::log::Log;
use crate::trial::{Planted, Working, asked, wait};

/// The bug, and where it shows.
pub(crate) const BUG: Planted = Planted {
    name: "a retry of an unmarked call",
    wrong: || scenario("till, unmarked", Mark::None),
    right: || scenario("till, once", Mark::Once),
    weak: "synchronous + omission",
    strong: "synchronous + correct",
    holds: "asynchronous",
    promise: "there more than once",
};

/// Nodes that omit messages also crash, which loses answers too. Here only links do, and nobody fails.
pub(crate) const LOSS_ALONE: &str = "synchronous + correct + lossy";

/// Which of the two methods clients repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The one without a mark.
    None,
    /// The one that is marked `once`.
    Once,
}

const CHAOS: Duration = Duration::from_secs(20);
const CLIENTS: u64 = 3;
const PAUSE_MS_MAX: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes money.
#[terrace::component]
pub(crate) trait Till {
    /// Puts an order into the till.
    async fn add(&self, cx: &Cx, order: u64) -> Result<(), CallError>;

    /// The same, once for each call id.
    #[call(once)]
    async fn add_once(&self, cx: &Cx, order: u64) -> Result<(), CallError>;

    /// All orders, each as often as it was added.
    #[call(read)]
    async fn orders(&self, cx: &Cx) -> Result<Vec<u64>, CallError>;
}

struct Drawer(Arc<Book>);

/// Orders together with the calls that added them: a slot of the log is both.
struct Book {
    env: Env,
    log: Log,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    orders: Vec<u64>,
    calls: BTreeMap<CallId, Call>,
}

#[derive(Clone, Copy)]
enum Call {
    /// It is happening, with this order once the effect has said so.
    Claimed(Option<u64>),
    Happened,
}

impl Book {
    async fn open(env: Env) -> Drawer {
        let (log, held) = Log::open(&env).await;
        let mut state = State::default();
        for [order, high, low, marked] in held {
            state.orders.push(order);
            if marked != 0 {
                let id = CallId((u128::from(high) << 64) | u128::from(low));
                state.calls.insert(id, Call::Happened);
            }
        }
        Drawer(Arc::new(Book {
            env,
            log,
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, order: u64, call: Option<CallId>) -> Result<(), CallError> {
        let id = call.map_or(0, |call| call.0);
        let words = [order, (id >> 64) as u64, id as u64, u64::from(call.is_some())];
        let kept = self.log.append(words).await;
        kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
        let mut state = self.state();
        state.orders.push(order);
        if let Some(call) = call {
            state.calls.insert(call, Call::Happened);
        }
        Ok(())
    }

    fn claim(&self, id: CallId) -> Result<Begun, CallError> {
        let mut state = self.state();
        Ok(match state.calls.get(&id) {
            None => {
                state.calls.insert(id, Call::Claimed(None));
                Begun::Fresh
            }
            Some(Call::Claimed(_)) => Begun::InFlight,
            Some(Call::Happened) => {
                let mut answer = Vec::new();
                wire::encode(Codec::Tagged, &(), &mut answer)
                    .map_err(|error| CallError::not_run(CallErrorKind::Failed, error.to_string()))?;
                Begun::Answer(answer.into())
            }
        })
    }
}

impl Keeper for Book {
    fn begin<'a>(&'a self, id: CallId, _: &'a str, _: u128) -> BoxFuture<'a, Result<Begun, CallError>> {
        Box::pin(async move { self.claim(id) })
    }

    fn finish<'a>(&'a self, id: CallId, _: &'a str, answer: Option<Bytes>) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let call = self.state().calls.get(&id).copied();
            let kept = match call {
                Some(Call::Claimed(Some(order))) if answer.is_some() => self.keep(order, Some(id)).await,
                _ => Ok(()),
            };
            let mut state = self.state();
            if let Some(Call::Claimed(_)) = state.calls.get(&id) {
                state.calls.remove(&id);
            }
            kept
        })
    }

    fn settled<'a>(&'a self, id: CallId, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            while matches!(self.state().calls.get(&id), Some(Call::Claimed(_))) {
                self.env.sleep(Duration::from_millis(5)).await;
            }
        })
    }
}

impl Till for Drawer {
    async fn add(&self, _: &Cx, order: u64) -> Result<(), CallError> {
        self.0.keep(order, None).await
    }

    async fn add_once(&self, cx: &Cx, order: u64) -> Result<(), CallError> {
        let (book, id) = (self.0.clone(), cx.call_id());
        let keeper: Arc<dyn Keeper> = book.clone();
        let effect = move || async move {
            book.state().calls.insert(id, Call::Claimed(Some(order)));
            Ok(())
        };
        once(keeper, cx, "order", effect).await
    }

    async fn orders(&self, _: &Cx) -> Result<Vec<u64>, CallError> {
        Ok(self.0.state().orders.clone())
    }
}

fn scenario(name: &'static str, mark: Mark) -> Scenario {
    Scenario::new(name, move |world| run(world, mark))
}

async fn run(world: World, mark: Mark) {
    world.provide::<dyn Till, _, _, _>("till", Book::open);
    let account = Acknowledged::<u64>::new();
    let working = Working::default();
    for client in 0..CLIENTS {
        let (account, working) = (account.clone(), working.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, mark, account.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(5 * PATIENCE).await;
    let till = reference::<dyn Till>(world.env(), "till");
    let cx = Cx::root(world.env());
    if let Some(orders) = asked(&world, || till.orders(&cx)).await {
        world.check(account.verify(orders));
    }
}

async fn work(env: Env, mark: Mark, account: Acknowledged<u64>, working: Working) {
    let till = reference::<dyn Till>(&env, "till");
    let mut random = env.random("orders");
    while working.goes_on() {
        wait(&env, &mut random, PAUSE_MS_MAX).await;
        let order = random.u64();
        while working.goes_on() {
            account.attempted(order);
            let answer = match mark {
                Mark::None => till.add(&Cx::root(&env).within(PATIENCE), order).await,
                Mark::Once => till.add_once(&named(&env, order).within(PATIENCE), order).await,
            };
            match answer {
                Ok(()) => {
                    account.acknowledged(order);
                    break;
                }
                Err(error) if error.certainly_did_not_run() => account.refused(order),
                Err(_) => {}
            }
            wait(&env, &mut random, PAUSE_MS_MAX).await;
        }
    }
}

/// A request that is named by its order, on every attempt.
fn named(env: &Env, order: u64) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&[b"order", &order.to_le_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(env, root)
}
