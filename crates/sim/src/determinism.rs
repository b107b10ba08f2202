//! Determinism of a run: the doors around `world` give what the seed says, and who uses them is named.
//!
//! A run that asks the operating system, and not its [`Env`](world::Env), for the time or for random bytes cannot be
//! repeated. While a thread is armed, four functions of the C library that every Rust program goes through
//! ([`OVERRIDDEN`]) answer from the run's own entropy and virtual time, and each use is kept as a [`Leak`] with its
//! place. On every other thread, and when nothing is armed, they are what they were.
//!
//! A leak is a suspicion, not a verdict: the random keys of a `HashMap` do no harm as long as nobody iterates over it.
//! The verdict is made by running a seed twice, with another [`Options::entropy`] and another origin of the clock, and
//! comparing the traces; the leaks then say who it was, and [`explain`] says it to a person. Only a leak that
//! [`Leak::is_fatal`] is a verdict by itself.
//!
//! What they do not see: files, environment variables, addresses used as numbers, `time(2)`, a static that outlives a
//! run. The first two are banned by lints, and a run has a process of its own.

mod draws;
mod explanation;
mod leak;
mod overrides;
mod run;
mod stack;
mod symbols;

use std::marker::PhantomData;
use std::time::Duration;

pub use explanation::explain;
pub use leak::{Leak, LeakKind};

use run::Run;

/// The functions of the C library that a binary with this crate defines itself.
pub const OVERRIDDEN: [&str; 4] = ["getrandom", "clock_gettime", "gettimeofday", "pthread_create"];

/// How many leaks [`Armed::leaks`] returns at most.
pub const LEAKS_MAX: usize = 64;

/// The time since some origin, and the time since the Unix epoch.
pub type Clock = Box<dyn Fn() -> (Duration, Duration)>;

/// What an armed thread sees in place of the operating system.
pub struct Options {
    /// All random bytes of the operating system follow from it.
    pub entropy: u64,
    /// What clocks show. It must not wait for a lock that is held where a clock may be read.
    pub clock: Clock,
}

/// This thread sees a simulated operating system until this is dropped.
pub struct Armed {
    /// What is armed is the thread, so this stays on it.
    not_send: PhantomData<*const ()>,
}

/// Arms this thread. It must be a fresh one: the standard library draws the keys of all hash maps of a thread once, and
/// a draw before this is not seen.
///
/// Panics if the thread is armed already.
pub fn arm(options: Options) -> Armed {
    overrides::keep_linked();
    run::begin(Run::new(options));
    Armed { not_send: PhantomData }
}

impl Armed {
    /// What went around the world so far, worst first. To be called last: it draws the keys of the thread's hash maps if
    /// nobody has. Without leaks it costs some 15 µs; with one, some 100 ms the first time in a process, for names.
    pub fn leaks(&self) -> Vec<Leak> {
        excused(|| leak::collect(run::uses(), draws::count()))
    }

    /// Whether one of the leaks so far is a verdict by itself, for next to nothing.
    pub fn has_fatal(&self) -> bool {
        run::has_fatal()
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        run::end();
    }
}

/// Runs `f` with what it uses of the simulated operating system not counted as leaks: for the timestamp of a log line,
/// and the like. A clock of the processor's time shows the real one.
pub fn excused<T>(f: impl FnOnce() -> T) -> T {
    run::excused(f)
}
