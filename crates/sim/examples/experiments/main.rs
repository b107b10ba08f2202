//! Experiments: what is claimed of a world, measured in worlds that differ in one assumption.
//!
//! ```text
//! cargo run --release -p terrace-sim --example experiments             prints the tables of all
//! cargo run --release -p terrace-sim --example experiments -- NAME     of one
//! .. -- [NAME] --seeds N --write       and puts tables and pictures into docs/experiments
//! ```

mod chart;
#[path = "../../tests/subjects/log.rs"]
mod log;
mod lying_replica;
mod measure;
mod one_second;
mod pages;
mod price_of_an_assumption;
mod two_generals;

use std::io::{self, Write};

use measure::Measured;

type Measure = fn(u64) -> Measured;

const EXPERIMENTS: [(&str, Measure); 4] = [
    ("one_second", one_second::measure),
    ("two_generals", two_generals::measure),
    ("lying_replica", lying_replica::measure),
    ("price_of_an_assumption", price_of_an_assumption::measure),
];

const SEEDS: u64 = 200;

struct Asked {
    name: Option<String>,
    seeds: u64,
    write: bool,
}

fn main() -> io::Result<()> {
    let asked = asked(std::env::args().skip(1)).map_err(io::Error::other)?;
    for (name, measure) in EXPERIMENTS {
        if asked.name.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let measured = measure(asked.seeds);
        writeln!(io::stdout(), "# {name}\n\n{}", measured.tables)?;
        if asked.write {
            pages::write(name, &measured)?;
        }
    }
    Ok(())
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        name: None,
        seeds: SEEDS,
        write: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--write" => asked.write = true,
            "--seeds" => {
                let seeds = arguments.next().unwrap_or_default();
                asked.seeds = seeds
                    .parse()
                    .map_err(|_| format!("--seeds takes a number, not `{seeds}`"))?;
            }
            name if EXPERIMENTS.iter().any(|(known, _)| *known == name) => asked.name = Some(name.to_owned()),
            other => {
                let names = EXPERIMENTS.map(|(name, _)| name).join(", ");
                return Err(format!("no experiment is called `{other}`; there are {names}"));
            }
        }
    }
    Ok(asked)
}
