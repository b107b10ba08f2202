//! What an armed thread keeps: its entropy, its clock, and who used them.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::draws::Draws;
use super::{Clock, Options};

/// The first uses of each kind are all captured, at some 5 µs each; after them one in as many as there were so far, so
/// that a loop that reads a clock a million times is captured 15 times more.
const CAPTURES_DENSE: u64 = 32;

thread_local! {
    /// Without a destructor, so that it can be read at any time in the life of a thread.
    static MODE: Cell<Mode> = const { Cell::new(Mode::Off) };
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    Armed,
    /// Armed, and what is used is not counted.
    Excused,
    /// In one of these functions; what it uses itself is the kernel's.
    Inside,
}

/// What was used of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    Thread,
    Clock,
    Entropy,
    /// The keys of the thread's hash maps, which tokio's random numbers start from too.
    HashKeys,
}

/// How often something was used, and some of the places.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) uses: u64,
    pub(super) captures: Vec<Capture>,
}

/// A place, and how many uses it stands for.
#[derive(Clone)]
pub(super) struct Capture {
    pub(super) stack: Arc<Backtrace>,
    pub(super) uses: u64,
}

/// The keys that this thread's hash maps began with.
#[derive(Clone, Copy)]
pub(super) struct HashKeys {
    pub(super) first: u64,
    pub(super) second: u64,
    /// Whether the map that drew them is excused.
    pub(super) excused: bool,
}

pub(super) struct Run {
    entropy: u64,
    clock: Clock,
    tallies: BTreeMap<Use, Tally>,
    hash_keys: Option<HashKeys>,
    draws: Option<Option<Draws>>,
}

impl Run {
    pub(super) fn new(options: Options) -> Run {
        Run {
            entropy: options.entropy,
            clock: options.clock,
            tallies: BTreeMap::new(),
            hash_keys: None,
            draws: None,
        }
    }

    fn note(&mut self, what: Use) {
        let tally = self.tallies.entry(what).or_default();
        tally.uses += 1;
        if tally.uses <= CAPTURES_DENSE || tally.uses.is_power_of_two() {
            tally.captures.push(Capture {
                stack: Arc::new(Backtrace::force_capture()),
                uses: 1,
            });
        } else if let Some(last) = tally.captures.last_mut() {
            last.uses += 1;
        }
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn next(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.entropy ^ (self.entropy >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

pub(super) fn begin(run: Run) {
    assert!(
        MODE.get() == Mode::Off,
        "this thread is armed already; drop its `Armed` first"
    );
    RUN.with(|slot| slot.replace(Some(run)));
    MODE.set(Mode::Armed);
}

pub(super) fn end() {
    MODE.set(Mode::Off);
    // The clock may hold a world, whose tasks end with it: not while the slot is borrowed.
    let run = RUN.try_with(|slot| slot.take());
    drop(run);
}

pub(super) fn excused<T>(f: impl FnOnce() -> T) -> T {
    struct Back(Mode);
    impl Drop for Back {
        fn drop(&mut self) {
            MODE.set(self.0);
        }
    }
    let _back = Back(MODE.get());
    if MODE.get() == Mode::Armed {
        MODE.set(Mode::Excused);
    }
    f()
}

/// Whether this thread is armed, and not in one of these functions.
pub(super) fn is_armed() -> bool {
    matches!(MODE.get(), Mode::Armed | Mode::Excused)
}

/// Fills `bytes` from the run's entropy, or leaves them to the kernel.
pub(super) fn fill(bytes: &mut [u8], insecure: bool) -> bool {
    let filled = enter(|run, counted| {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&run.next().to_ne_bytes()[..chunk.len()]);
        }
        // Nobody else asks for bytes that need not be secret.
        let what = match bytes.as_chunks() {
            ([first, second], []) if insecure => {
                run.hash_keys = Some(HashKeys {
                    first: u64::from_ne_bytes(*first),
                    second: u64::from_ne_bytes(*second),
                    excused: !counted,
                });
                Use::HashKeys
            }
            _ => Use::Entropy,
        };
        if counted {
            run.note(what);
        }
    });
    filled.is_some()
}

/// What the clocks show, unless it is left to the kernel.
pub(super) fn clock() -> Option<(Duration, Duration)> {
    enter(|run, counted| {
        if counted && !world::foreign_clock::is_ignored() {
            run.note(Use::Clock);
        }
        (run.clock)()
    })
}

pub(super) fn note(what: Use) {
    enter(|run, counted| {
        if counted {
            run.note(what);
        }
    });
}

/// What was used so far.
pub(super) fn uses() -> BTreeMap<Use, Tally> {
    read(|run| run.tallies.clone()).unwrap_or_default()
}

/// The keys, if they were drawn while this thread was armed.
pub(super) fn hash_keys() -> Option<HashKeys> {
    read(|run| run.hash_keys).flatten()
}

/// What was counted of the thread's draws, once it was.
pub(super) fn draws() -> Option<Option<Draws>> {
    read(|run| run.draws).flatten()
}

pub(super) fn keep_draws(draws: Option<Draws>) {
    RUN.with(|slot| {
        if let Some(run) = slot.borrow_mut().as_mut() {
            run.draws = Some(draws);
        }
    });
}

pub(super) fn has_fatal() -> bool {
    read(|run| run.tallies.contains_key(&Use::Clock) || run.tallies.contains_key(&Use::Thread)).unwrap_or(false)
}

/// Works on the run unless this thread has none, or is in here already. `f` is told whether a use counts.
fn enter<T>(f: impl FnOnce(&mut Run, bool) -> T) -> Option<T> {
    let mode = MODE.get();
    if !is_armed() {
        return None;
    }
    MODE.set(Mode::Inside);
    let value = RUN.try_with(|slot| {
        let mut slot = slot.try_borrow_mut().ok()?;
        Some(f(slot.as_mut()?, mode == Mode::Armed))
    });
    MODE.set(mode);
    value.ok().flatten()
}

fn read<T>(f: impl FnOnce(&Run) -> T) -> Option<T> {
    RUN.with(|slot| slot.borrow().as_ref().map(f))
}
