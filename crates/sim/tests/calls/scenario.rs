//! The scenario: servers and clients run a generated program while faults strike; then everything is healed, what is
//! left ends, and everybody who is there calls everybody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use component::Ref;
use component::limits::DEADLINE_DEFAULT;
use sim::{Scenario, World, serve};
use terrace::Cx;
use wire::limits::SILENCE_MAX;
use world::Env;

use crate::book::{Book, Phase};
use crate::caller::{Caller, Parent};
use crate::keeper::Till;
use crate::program::{Call, Group, generate};
use crate::wiretap::tapped;
use crate::worker::{Module, Worker};

const CHAOS: Duration = Duration::from_secs(30);
/// By then everything that began has ended by its deadline, and every lost peer is known to be lost.
const SETTLES: Duration = DEADLINE_DEFAULT.saturating_add(SILENCE_MAX);
const LAST_CALLS_MAX: Duration = Duration::from_secs(60);
/// With longer ways than this a call there and back takes longer than the bounds of marks.
const WAY_MAX: Duration = Duration::from_millis(50);
const LANES: usize = 2;
const LOOKS: Duration = Duration::from_millis(250);

/// Where the account of a run is left.
pub(crate) type Kept = Arc<Mutex<Option<Arc<Book>>>>;

/// The scenario, and where it leaves its account.
pub(crate) fn scenario() -> (Scenario, Kept) {
    let kept = Kept::default();
    let keep = kept.clone();
    let scenario = Scenario::new("calls", move |world| run(world, keep.clone()));
    (scenario, kept)
}

/// The name of a server's node.
pub(crate) fn server_name(server: usize) -> String {
    format!("server-{server}")
}

/// The server that has this address.
pub(crate) fn server_of(address: &str) -> usize {
    let name = address.split(':').next().unwrap_or_default();
    let number = name.rsplit('-').next().and_then(|number| number.parse().ok());
    number.unwrap_or(usize::MAX)
}

async fn run(world: World, keep: Kept) {
    let model = world.model();
    let far = model.is_synchronous() && model.delay_max().is_some_and(|way| way > WAY_MAX);
    let program = generate(&mut world.env().random("program"), far);
    let (servers, clients) = (program.servers, program.clients.len());
    let book = Book::new(world.clone(), program);
    *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(book.clone());
    for number in 0..servers {
        let book = book.clone();
        world.server(&server_name(number), move |env| server(book.clone(), env, number));
    }
    for number in 0..clients {
        let book = book.clone();
        world.client(&format!("client-{number}"), move |env| {
            client(book.clone(), env, number)
        });
    }
    world.chaos(CHAOS).await;
    book.state().phase = Phase::Settling;
    world.env().sleep(SETTLES).await;
    book.state().phase = Phase::Healed;
    let within = world.env().deadline(LAST_CALLS_MAX);
    last_calls(&book, world.env().clone(), None).await;
    while !finished(&book) && world.env().now() < within {
        world.env().sleep(LOOKS).await;
    }
    world.env().sleep(Duration::from_secs(2)).await;
    book.close();
}

/// Whether every client that is there has made its last calls.
fn finished(book: &Book) -> bool {
    let clients = up(book, |server| server.is_none());
    book.state().finished >= clients
}

fn up(book: &Book, of: impl Fn(Option<usize>) -> bool) -> usize {
    let state = book.state();
    state.boots.iter().filter(|boot| boot.up && of(boot.server)).count()
}

async fn server(book: Arc<Book>, env: Env, number: usize) {
    let booted = book.boot(env.node(), Some(number));
    let env = tapped(&env, &book, booted.number);
    let module = Module {
        caller: Caller::new(&book, &env, booted.number),
        till: Till::new(&book, &env, number),
    };
    let served = Ref::<dyn Worker>::new(module).served();
    let door = serve(&env, served.into_iter().collect()).await;
    std::future::pending::<()>().await;
    drop((door, booted));
}

async fn client(book: Arc<Book>, env: Env, number: usize) {
    let booted = book.boot(env.node(), None);
    let env = tapped(&env, &book, booted.number);
    let caller = Caller::new(&book, &env, booted.number);
    let lanes: Vec<_> = (0..LANES)
        .map(|_| env.spawn("lane", lane(caller.clone(), number)))
        .collect();
    for lane in lanes {
        drop(lane.await);
    }
    while book.phase() != Phase::Healed {
        env.sleep(LOOKS).await;
    }
    last_calls(&book, env, Some(&caller)).await;
    book.state().finished += 1;
    std::future::pending::<()>().await;
    drop(booted);
}

async fn lane(caller: Caller, number: usize) {
    let book = caller.book.clone();
    let requests = &book.program.clients[number];
    loop {
        let next = {
            let mut state = book.state();
            let next = state.next_request.entry(number).or_default();
            *next += 1;
            *next - 1
        };
        let Some(request) = requests.get(next) else { return };
        caller.env.sleep(Duration::from_millis(request.wait_ms)).await;
        if book.phase() != Phase::Chaos {
            return;
        }
        let cx = Cx::root(&caller.env);
        let root = caller.root();
        for call in request.group.parts() {
            if book.phase() == Phase::Chaos {
                caller.group(&cx, root, &call, false).await;
            }
        }
    }
}

impl Group {
    /// Itself if its calls are made together, or each call by itself.
    fn parts(&self) -> Vec<Group> {
        match self.together {
            true => vec![self.clone()],
            false => self.calls.iter().cloned().map(Group::of).collect(),
        }
    }

    fn of(call: Call) -> Group {
        Group {
            together: false,
            calls: vec![call],
        }
    }
}

/// Calls that have to succeed: of each mark at each server that is there, and, where all are, from each server to all.
/// The scenario's own node makes them on fresh channels, a client on those that it has had.
async fn last_calls(book: &Arc<Book>, env: Env, client: Option<&Caller>) {
    let fresh;
    let (caller, _booted) = match client {
        Some(caller) => (caller, None),
        None => {
            let booted = book.boot(env.node(), Some(usize::MAX));
            fresh = Caller::new(book, &tapped(&env, book, booted.number), booted.number);
            (&fresh, Some(booted))
        }
    };
    let program = &book.program;
    let is_up = |step: &usize| up(book, |server| server == Some(program.steps[*step].server)) > 0;
    let mut steps: Vec<usize> = program.small.iter().copied().filter(is_up).collect();
    if steps.len() == program.small.len() {
        steps.extend(&program.wide);
    }
    let root: Parent = caller.root();
    let cx = Cx::root(&caller.env);
    for step in steps {
        let call = Call {
            step,
            within_ms: None,
            cancel_ms: None,
            named: false,
            twice: false,
        };
        caller.group(&cx, root, &Group::of(call), true).await;
    }
}
