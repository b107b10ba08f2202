//! What a campaign has shown: as data for programs, and as text for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::fault::Fault;
use crate::run::{Outcome, Verdict};

/// Faults of one failure that are printed.
const FAULTS_PRINTED_MAX: usize = 20;

/// What the seeds of one scenario have shown. Serialized it is the object of one scenario that `simulate --json` prints.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// The model, as text.
    #[serde(skip)]
    pub model: String,
    /// Seeds that were run.
    pub seeds: u64,
    /// How many seeds showed what.
    pub verdicts: Verdicts,
    /// What was declared and never happened: `fault: ..`, `sometimes: ..`, `buggify: ..`.
    pub not_exercised: Vec<String>,
    /// What the scenario counted, by [`World::count`](crate::World::count).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Components whose required model is stronger than this one.
    #[serde(skip)]
    pub unmet: BTreeSet<String>,
    /// Whether it went on all the same.
    #[serde(skip)]
    pub beyond: bool,
    /// Faults that struck.
    pub faults: u64,
    /// Messages that were sent.
    pub messages: u64,
    /// Simulated time, in seconds.
    pub simulated_s: f64,
    /// Processor time of the threads of the runs, each seed's once, in seconds: what the simulation takes. To start a
    /// process takes some more.
    pub cpu_s: f64,
    /// Real time of everything, in seconds.
    #[serde(skip)]
    pub wall_s: f64,
    /// The failures: those that were saved before and fail still, then the first new ones.
    #[serde(skip)]
    pub failures: Vec<Failure>,
    /// How many different failures there were.
    #[serde(skip)]
    pub different: u64,
    /// Saved failures that do not fail any more.
    #[serde(skip)]
    pub mended: Vec<PathBuf>,
    /// Whether it was asked to end before it was done.
    #[serde(skip)]
    pub stopped: bool,
}

/// How many seeds showed what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Everything that was checked held.
    pub holds: u64,
    /// A check failed.
    pub wrong_answer: u64,
    /// Code of a node panicked, or its process died.
    pub crash: u64,
    /// Something that was to come did not.
    pub no_progress: u64,
    /// The run depends on something else than its seed.
    pub not_deterministic: u64,
}

/// A failure as a person can use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How it failed.
    pub verdict: Verdict,
    /// What is wrong, in words.
    pub message: String,
    /// The faults it takes.
    pub faults: Vec<Fault>,
    /// How many there were before they were made fewer.
    pub faults_before: usize,
    /// The hash of its trace.
    pub hash: u64,
    /// Where it is saved.
    pub saved: Option<PathBuf>,
    /// Its space-time diagram as a picture.
    pub svg: Option<PathBuf>,
    /// The same as a page.
    pub page: Option<PathBuf>,
    /// Why it could not be saved or drawn.
    pub unsaved: Option<String>,
}

impl Verdicts {
    pub(crate) fn count(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Holds => &mut self.holds,
            Verdict::WrongAnswer => &mut self.wrong_answer,
            Verdict::Crash => &mut self.crash,
            Verdict::NoProgress => &mut self.no_progress,
            Verdict::NotDeterministic => &mut self.not_deterministic,
        } += 1;
    }

    /// How many seeds did not hold.
    pub fn failing(&self) -> u64 {
        self.wrong_answer + self.crash + self.no_progress + self.not_deterministic
    }
}

impl Report {
    pub(crate) fn new(name: &str, model: &str) -> Report {
        Report {
            name: name.to_owned(),
            model: model.to_owned(),
            ..Report::default()
        }
    }

    /// Whether some seed was run, every seed and every saved failure holds, all that was declared was exercised, and the
    /// model will do.
    pub fn passed(&self) -> bool {
        let model_does = self.beyond || self.unmet.is_empty();
        self.seeds > 0
            && model_does
            && self.verdicts.failing() == 0
            && self.failures.is_empty()
            && self.not_exercised.is_empty()
            && !self.stopped
    }

    /// Seeds that found a failure in a minute of processor time; none if nothing was found.
    pub fn bugs_per_cpu_minute(&self) -> Option<f64> {
        let found = self.verdicts.failing() as f64;
        (found > 0.0 && self.cpu_s > 0.0).then(|| found * 60.0 / self.cpu_s)
    }

    /// The report as text, without its failures.
    pub fn text(&self) -> String {
        format!("{}{}", table(std::slice::from_ref(self)), self.remarks())
    }

    /// What is to be said beside the table.
    pub fn remarks(&self) -> String {
        let mut text = String::new();
        if self.seeds == 0 {
            let _ = writeln!(
                text,
                "{}: no seed was run, which shows nothing; give it a seed at least, or more minutes",
                self.name
            );
        }
        for unmet in &self.unmet {
            let next = match self.beyond {
                true => "it went on all the same",
                false => "run it under a model that is at least as strong, or go `--beyond` to see what happens",
            };
            let _ = writeln!(text, "{}: {unmet}; {next}", self.name);
        }
        if self.stopped {
            let _ = writeln!(text, "{}: ended early, after {} seeds", self.name, self.seeds);
        } else if !self.not_exercised.is_empty() {
            let names = self.not_exercised.join(", ");
            let _ = writeln!(
                text,
                "{}: not exercised in {} seeds: {names}; run more seeds, or give it more to do",
                self.name, self.seeds
            );
        }
        if let Some(rate) = self.bugs_per_cpu_minute() {
            let (failing, different) = (self.verdicts.failing(), self.different);
            let _ = writeln!(
                text,
                "{}: {failing} seeds failed, in {different} different ways: {rate:.0} bugs found per CPU minute",
                self.name
            );
        }
        for path in &self.mended {
            let _ = writeln!(
                text,
                "{}: {} does not fail any more; keep it as a test, or remove it",
                self.name,
                path.display()
            );
        }
        text
    }
}

/// A line for each scenario, with a column for each thing that some scenario counts.
pub fn table(reports: &[Report]) -> String {
    let head = [
        "scenario",
        "model",
        "seeds",
        "holds",
        "wrong",
        "crash",
        "stuck",
        "random",
        "unexercised",
        "faults",
        "messages",
        "simulated s",
        "CPU s",
    ];
    let counted: BTreeSet<&String> = reports.iter().flat_map(|report| report.counts.keys()).collect();
    let heads = head.map(str::to_owned).into_iter();
    let mut rows: Vec<Vec<String>> = vec![heads.chain(counted.iter().map(|name| (*name).clone())).collect()];
    rows.extend(reports.iter().map(|report| {
        let verdicts = &report.verdicts;
        let count = |name: &&String| report.counts.get(*name).map_or_else(String::new, u64::to_string);
        let cells = [
            report.name.clone(),
            report.model.clone(),
            report.seeds.to_string(),
            verdicts.holds.to_string(),
            verdicts.wrong_answer.to_string(),
            verdicts.crash.to_string(),
            verdicts.no_progress.to_string(),
            verdicts.not_deterministic.to_string(),
            report.not_exercised.len().to_string(),
            report.faults.to_string(),
            report.messages.to_string(),
            format!("{:.0}", report.simulated_s),
            format!("{:.2}", report.cpu_s),
        ];
        cells.into_iter().chain(counted.iter().map(count)).collect()
    }));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 | 1 => format!("{cell:<width$}", width = widths[column]),
                _ => format!("{cell:>width$}", width = widths[column]),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

impl Failure {
    pub(crate) fn of(outcome: &Outcome, faults: Vec<Fault>) -> Failure {
        Failure {
            seed: outcome.seed,
            verdict: outcome.verdict,
            message: outcome.message.clone(),
            faults_before: faults.len(),
            faults,
            hash: outcome.hash,
            saved: None,
            svg: None,
            page: None,
            unsaved: None,
        }
    }

    /// The failure as text: what is wrong, which faults it takes, how to see it again, and where its pictures are.
    pub fn text(&self, replay_command: &str) -> String {
        let mut text = format!("seed {}: {}\n  {}\n", self.seed, self.verdict.name(), self.message);
        let count = match (self.faults.len(), self.faults_before) {
            (0, 0) => "no faults".to_owned(),
            (0, before) => format!("none of its {before} faults is needed"),
            (now, before) if now == before => format!("faults ({now})"),
            (now, before) => format!("faults ({now} of {before} are enough)"),
        };
        let _ = writeln!(text, "  {count}");
        for fault in self.faults.iter().take(FAULTS_PRINTED_MAX) {
            let _ = writeln!(text, "    {fault}");
        }
        if let Some(more @ 1..) = self.faults.len().checked_sub(FAULTS_PRINTED_MAX) {
            let _ = writeln!(text, "    and {more} more");
        }
        let _ = writeln!(text, "  replay: {replay_command}");
        let _ = writeln!(text, "  trace hash: {:016x}", self.hash);
        for (what, path) in [("saved", &self.saved), ("picture", &self.svg), ("page", &self.page)] {
            if let Some(path) = path {
                let _ = writeln!(text, "  {what}: {}", path.display());
            }
        }
        if let Some(why) = &self.unsaved {
            let _ = writeln!(text, "  not saved: {why}");
        }
        text
    }
}
