//! Counts what the hook on `getrandom` cannot tell apart: a thread draws the keys of its hash maps once, and tokio takes
//! the seed of its random choices from a hash map's keys too.
//!
//! So after a `HashMap` an unbiased `select!` is not seen, nor a `HashMap` after a `select!`. But each new map takes the
//! next key, and the first key is known, because the run gave it: a new map's hash tells how many came before.

use std::collections::hash_map::RandomState;
use std::future::ready;
use std::hash::BuildHasher;
use std::pin::pin;
use std::task::{Context, Waker};

use super::run;

/// How many hash maps of one run are counted: some 20 ms of looking for the key of the last.
const HASH_MAPS_MAX: u64 = 1 << 21;

/// What one thread did with random keys before this was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draws {
    /// How many hash maps were made.
    pub(super) hash_maps: u64,
    /// Whether tokio made a random choice.
    pub(super) choice: bool,
}

/// What this thread did since it was armed. None if its keys were drawn before that, or there were more hash maps than
/// are counted. Asking changes the answer, so the first one stays.
pub(super) fn count() -> Option<Draws> {
    if let Some(counted) = run::draws() {
        return counted;
    }
    let counted = look();
    run::keep_draws(counted);
    counted
}

fn look() -> Option<Draws> {
    let untouched = run::hash_keys().is_none();
    let before = position(RandomState::default())?;
    choose();
    let after = position(RandomState::default())?;
    // The first choice of a thread takes a key.
    let choice = after - before == 1;
    let excused = !untouched && run::hash_keys()?.excused;
    Some(Draws {
        hash_maps: before.saturating_sub(u64::from(choice) + u64::from(excused)),
        choice,
    })
}

/// How many hash maps took their keys before this one did.
fn position(state: RandomState) -> Option<u64> {
    let keys = run::hash_keys()?;
    let hash = state.hash_one(0_u64);
    (0..HASH_MAPS_MAX).find(|taken| siphash_of_zero(keys.first.wrapping_add(*taken), keys.second) == hash)
}

/// Lets tokio make a random choice.
fn choose() {
    let choice = pin!(async {
        tokio::select! {
            () = ready(()) => {}
            () = ready(()) => {}
        }
    });
    let _ = choice.poll(&mut Context::from_waker(Waker::noop()));
}

/// SipHash-1-3 of eight zero bytes (Aumasson, Bernstein: SipHash, 2012), which is what the standard library's maps use.
fn siphash_of_zero(first: u64, second: u64) -> u64 {
    let mut state = [
        first ^ 0x736f_6d65_7073_6575,
        second ^ 0x646f_7261_6e64_6f6d,
        first ^ 0x6c79_6765_6e65_7261,
        second ^ 0x7465_6462_7974_6573,
    ];
    round(&mut state);
    let length = 8 << 56;
    state[3] ^= length;
    round(&mut state);
    state[0] ^= length;
    state[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut state);
    }
    state.iter().fold(0, |all, word| all ^ word)
}

fn round(state: &mut [u64; 4]) {
    let [a, b, c, d] = state;
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}
