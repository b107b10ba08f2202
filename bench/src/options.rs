//! The flags that every bench program takes.

use std::path::PathBuf;

use clap::Args;

/// Fewer rounds than this say nothing about the spread.
const ROUNDS_MIN: u32 = 5;

/// How often to measure, and where the results go.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rounds in which ours and the peers take turns; at least five
    #[arg(long, default_value_t = ROUNDS_MIN, value_parser = clap::value_parser!(u32).range(i64::from(ROUNDS_MIN)..))]
    rounds: u32,

    /// One tiny round, which proves that the bench works; its figures mean nothing
    #[arg(long)]
    pub quick: bool,

    /// Directory that gets NAME.json and NAME.md
    #[arg(long, default_value = "bench/results")]
    pub results: PathBuf,
}

impl Options {
    /// Rounds to measure: one in a quick run.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }
}
