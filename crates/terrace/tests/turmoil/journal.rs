//! The component that is called, the book it writes in, which no crash reaches, and the host that serves it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use component::{Offered, serve_on};
use terrace::{CallError, CallErrorKind, Cx, Env, Ref, Serving, Token};
use wire::{Face, FaceLimits, Limits, Tcp, Trust};
use world::Wall;
use world::production::Hosting;

use crate::network::Turmoil;

/// Where the server listens; its name is `server`.
pub(crate) const AT: &str = "0.0.0.0:7000";
/// Where its callers find it.
pub(crate) const SERVER: &str = "server:7000";
/// What callers state, since this is not loopback.
pub(crate) const TOKEN: &str = "deployment";

#[terrace::data]
pub struct Failure(CallError);

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

impl Failure {
    pub(crate) fn into_inner(self) -> CallError {
        self.0
    }
}

/// What is written.
#[terrace::data]
pub struct Entry {
    /// Which call this is, of all of a run.
    pub number: u64,
    /// How long the callee takes.
    pub wait_ms: u64,
    /// Something long, maybe: what [`text`] makes of this number.
    pub text: String,
}

/// What a caller gets for it: all of it again.
#[terrace::data]
pub struct Receipt {
    pub number: u64,
    pub text: String,
}

/// Keeps entries.
#[terrace::component(owner = "calls-team")]
pub trait Journal {
    /// Writes each time it runs.
    async fn write(&self, cx: &Cx, entry: Entry) -> Result<Receipt, Failure>;
    /// Writes once for each call id.
    #[call(idempotent)]
    async fn write_repeatably(&self, cx: &Cx, entry: Entry) -> Result<Receipt, Failure>;
}

/// What happened, outside the simulation: a crash takes nothing away.
#[derive(Default)]
pub(crate) struct Book {
    /// Under which call ids each number ran, in order.
    pub(crate) runs: BTreeMap<u64, Vec<u128>>,
    /// Which number each call id had its effect for.
    pub(crate) effects: BTreeMap<u128, u64>,
    pub(crate) outcomes: Vec<Outcome>,
    /// What nobody may see.
    pub(crate) violations: Vec<String>,
    given: u64,
}

/// How one call ended for its caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) caller: String,
    pub(crate) number: u64,
    pub(crate) is_repeatable: bool,
    /// Its deadline, from its beginning.
    pub(crate) within: Duration,
    pub(crate) took: Duration,
    pub(crate) ended: Ended,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    Answered,
    /// The callee, or the caller's side for it, said what is known.
    Failed {
        kind: CallErrorKind,
        certainly_did_not_run: bool,
        message: String,
    },
    /// The connection of an HTTP client broke: nothing is known.
    Broke(String),
}

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

impl Shared {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new entry with a text of `bytes` bytes.
    pub(crate) fn entry(&self, wait_ms: u64, bytes: usize) -> Entry {
        let mut book = self.book();
        book.given += 1;
        let number = book.given;
        Entry {
            number,
            wait_ms,
            text: text(number, bytes),
        }
    }

    /// Takes note of a receipt that is not for `number`, or not whole.
    pub(crate) fn check_receipt(&self, number: u64, bytes: usize, receipt: &Receipt) {
        let whole = receipt.number == number && receipt.text == text(number, bytes);
        if !whole {
            let (for_number, length) = (receipt.number, receipt.text.len());
            let violation = format!("call {number} of {bytes} bytes got a receipt for {for_number} of {length} bytes");
            self.book().violations.push(violation);
        }
    }
}

/// A text of so many bytes that no other call has, and of which no part can stand where another should.
fn text(number: u64, bytes: usize) -> String {
    const NUMBERS_MAX: usize = 500;
    let numbers = (0..NUMBERS_MAX.min(bytes)).map(|at| format!("{number}.{at} "));
    let unit: String = numbers.collect();
    let mut text = unit.repeat(bytes.div_ceil(unit.len().max(1)));
    text.truncate(bytes);
    text
}

struct Module(Shared);

impl Module {
    async fn run(&self, cx: &Cx, entry: Entry, is_repeatable: bool) -> Result<Receipt, Failure> {
        let (id, number) = (cx.call_id().0, entry.number);
        {
            let mut book = self.0.book();
            book.runs.entry(number).or_default().push(id);
            if entry.text != text(number, entry.text.len()) {
                book.violations.push(format!("entry {number} arrived spoiled"));
            }
            let before = book.effects.insert(id, number);
            if before.is_some_and(|before| before != number || !is_repeatable) {
                book.violations
                    .push(format!("call {number} has the id of call {before:?}"));
            }
        }
        if entry.wait_ms > 0 {
            cx.env().sleep(Duration::from_millis(entry.wait_ms)).await;
        }
        Ok(Receipt {
            number,
            text: entry.text,
        })
    }
}

impl Journal for Module {
    async fn write(&self, cx: &Cx, entry: Entry) -> Result<Receipt, Failure> {
        self.run(cx, entry, false).await
    }

    async fn write_repeatably(&self, cx: &Cx, entry: Entry) -> Result<Receipt, Failure> {
        self.run(cx, entry, true).await
    }
}

/// A node of the production program on the turmoil host that this is called on.
pub(crate) fn node(name: &str, seed: u64) -> Env {
    let since = turmoil::since_epoch().unwrap_or_default();
    let hosting = Hosting {
        network: Arc::new(Turmoil),
        seed,
        wall: Wall::from_micros(since.as_micros() as i64),
    };
    let tcp = Tcp {
        token: Token::new(TOKEN).ok(),
        face: None,
    };
    Env::hosted(name, hosting).with_transport(Arc::new(tcp))
}

/// Serves the journal on frames and HTTP, on one port.
pub(crate) async fn serve(env: &Env, shared: &Shared) -> turmoil::Result<Serving> {
    let listener = env.network().listen(&AT.into()).await?;
    let journal: Ref<dyn Journal> = Ref::new(Module(shared.clone()));
    let offered = Offered::new(env, journal.served().into_iter().collect(), Limits::default());
    let token = Token::new(TOKEN).ok();
    let face = Face {
        interfaces: offered.interfaces(),
        dispatch: offered.dispatch(),
        trust: Trust {
            hosts: vec!["server".to_string()],
            token: token.clone(),
            ..Trust::default()
        },
        limits: FaceLimits::default(),
    };
    let face = Some(Arc::new(face));
    Ok(serve_on(env, offered, listener, Tcp { token, face })?)
}
