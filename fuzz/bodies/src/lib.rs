//! What the fuzzers do with bytes: one function for each reader. The targets under `fuzz/fuzz_targets` and the replay of
//! `fuzz/corpus` in `tests/corpora.rs` call the same [`check`].
//!
//! A body panics where a reader breaks its word: it panics, does not bring a value back as it was, takes more memory
//! than the target's bound, or keeps a connection for longer than its timeouts allow (on virtual time, so nothing waits).

mod caller;
mod codecs;
mod component;
mod config;
mod connection;
mod cursor;
mod face;
mod frames;
mod interface;
mod memory;
pub mod seeds;
mod talk;
mod values;

/// One reader, and what it may cost.
pub struct Target {
    /// The name of the fuzz target and of its corpus.
    pub name: &'static str,
    /// Answers how many bytes its reader got, which may be more than the input has.
    run: fn(&[u8]) -> usize,
    /// Bytes of memory, whatever the input.
    base_bytes: usize,
    /// Bytes of memory for each byte that the reader got.
    bytes_per_byte: usize,
}

/// Every target.
pub const TARGETS: [Target; 9] = [
    target("frames", frames::frames, 256 << 10, 64),
    target("positional", codecs::positional, 1 << 20, 256),
    target("tagged", codecs::tagged, 1 << 20, 256),
    target("json", codecs::json, 1 << 20, 256),
    target("interface", interface::interface, 2 << 20, 512),
    target("face", face::face, 4 << 20, 256),
    target("connection", connection::connection, 4 << 20, 256),
    target("caller", caller::caller, 4 << 20, 256),
    target("config", config::config, 1 << 20, 512),
];

const fn target(name: &'static str, run: fn(&[u8]) -> usize, base_bytes: usize, bytes_per_byte: usize) -> Target {
    Target {
        name,
        run,
        base_bytes,
        bytes_per_byte,
    }
}

/// Gives `data` to the reader `name`.
///
/// # Panics
/// Where the reader breaks its word, or there is no such reader.
pub fn check(name: &str, data: &[u8]) {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        panic!("there is no target `{name}`");
    };
    let (given_bytes, taken_bytes) = memory::most(|| (target.run)(data));
    let bound_bytes = target.base_bytes + target.bytes_per_byte * given_bytes;
    assert!(
        taken_bytes <= bound_bytes,
        "`{name}` took {taken_bytes} bytes of memory for {given_bytes}; its bound is {bound_bytes}"
    );
}
