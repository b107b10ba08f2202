//! Measures what one count costs: `cargo run --release -p terrace-telemetry --example count`.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use telemetry::{EdgeName, Route, Slot};

const COUNTS: u32 = 200_000_000;
const ROUNDS: u32 = 5;

#[expect(clippy::disallowed_methods, reason = "a measurement reads the machine's own clock")]
fn main() -> std::io::Result<()> {
    let slot = Slot::register(EdgeName::new("bench", "Counter", "count", Route::Direct));
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..COUNTS {
            black_box(black_box(slot).count());
        }
        let count_ns = start.elapsed().as_nanos() as f64 / f64::from(COUNTS);
        let start = Instant::now();
        for round in 0..COUNTS {
            black_box(black_box(round));
        }
        let empty_ns = start.elapsed().as_nanos() as f64 / f64::from(COUNTS);
        writeln!(std::io::stdout(), "count {count_ns:.2} ns, empty loop {empty_ns:.2} ns")?;
    }
    Ok(())
}
