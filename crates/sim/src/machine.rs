//! The real machine that a campaign works on: its threads, clock and files. A campaign stands outside of every world, so
//! there is no `Env` that it could ask.

#![expect(
    clippy::disallowed_methods,
    reason = "a campaign starts worlds, and is in none: what it measures and writes is the machine's"
)]

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

/// The stack of a run: deep futures of an unoptimized build fit. Only what is used of it is taken from memory.
const STACK_BYTES: usize = 64 << 20;

/// The machine's clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Does `work` on a thread of its own, which nothing was done on before, and waits for it.
pub(crate) fn on_fresh_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    scope(|scope| {
        let builder = Builder::new().name("run".to_owned()).stack_size(STACK_BYTES);
        let started = builder.spawn_scoped(scope, work)?;
        Ok(started.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Does `work` on a thread that nobody waits for.
pub(crate) fn in_background(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().spawn(work).map(drop)
}

/// Lets time pass.
pub(crate) fn pause(lasts: Duration) {
    sleep(lasts);
}

/// What a file holds.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Writes a file at once, and makes its folder if there is none: whoever reads it meanwhile finds the old one or the new.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, path)
}
