//! Writes the seeds of every corpus: `cargo run -p fuzz-bodies --example seeds -- FOLDER`.
#![expect(clippy::disallowed_methods, reason = "it writes the project's own files")]

use std::collections::BTreeMap;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or("fuzz/corpus".to_string());
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in fuzz_bodies::seeds::seeds() {
        let number = numbers.entry(seed.target).or_default();
        let folder = Path::new(&folder).join(seed.target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("seed-{number:02}")), seed.bytes)?;
        *number += 1;
    }
    Ok(())
}
