//! What the fuzzers have found stays found: every file of `fuzz/corpus` and every seed goes through its reader.
#![expect(
    clippy::disallowed_methods,
    reason = "it reads the project's own files, and a thread watches for an input that hangs"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use fuzz_bodies::{TARGETS, check};

/// Far longer than the slowest input takes on the slowest machine: only a hang takes longer.
const HANG: Duration = Duration::from_secs(120);

/// Files of one corpus, so that the replay stays quick.
const FILES_MAX: usize = 300;

/// Bytes of one corpus, so that a clone stays quick.
const CORPUS_BYTES_MAX: u64 = 1 << 20;

/// Panics, of tasks too, whose world keeps them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn nothing_in_a_corpus_breaks_its_reader() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        told(panic);
    }));
    let (begin, begun) = sync_channel(0);
    let replay = std::thread::Builder::new().spawn(move || {
        for target in &TARGETS {
            for (name, bytes) in inputs(target.name) {
                begin.send(name.clone()).expect("somebody watches");
                check(target.name, &bytes);
                assert_eq!(PANICS.load(Ordering::Relaxed), 0, "a task panicked at {name}");
            }
        }
    });
    let mut last = "the beginning".to_string();
    loop {
        match begun.recv_timeout(HANG) {
            Ok(name) => last = name,
            Err(RecvTimeoutError::Timeout) => panic!("{last} hangs"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let replayed = replay.expect("a thread").join();
    assert!(replayed.is_ok(), "{last} breaks its reader");
}

#[test]
fn a_corpus_is_of_a_size_to_be_replayed() {
    for target in &TARGETS {
        let files = files(target.name);
        let bytes: u64 = files
            .iter()
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len())
            .sum();
        assert!(!files.is_empty(), "`{}` has no corpus", target.name);
        assert!(
            files.len() <= FILES_MAX && bytes <= CORPUS_BYTES_MAX,
            "the corpus of `{}` has {} files and {bytes} bytes; `fuzz/run` minimises it",
            target.name,
            files.len()
        );
    }
}

/// The files of a corpus and the seeds, with a name for each.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for file in files(target) {
        let bytes = std::fs::read(&file).expect("a file of the corpus can be read");
        inputs.push((file.display().to_string(), bytes));
    }
    for (number, seed) in fuzz_bodies::seeds::seeds().into_iter().enumerate() {
        if seed.target == target {
            inputs.push((format!("seed {number} of `{target}`"), seed.bytes));
        }
    }
    inputs
}

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path())
        .collect();
    files.sort();
    files
}
