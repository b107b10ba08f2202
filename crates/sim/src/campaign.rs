//! A campaign: a scenario under many seeds, each in a process of its own, and what is made of those that fail.

mod course;
mod difference;
mod investigation;
mod pool;
mod process;
mod tally;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;

use crate::model::{Model, ModelError};
use crate::report::Report;
use crate::run::Run;
use crate::saved;
use crate::scenario::Scenario;
use course::Course;
use investigation::Investigation;
use pool::Pool;

pub use crate::report::{Failure, Verdicts};

/// How long one run may take in real time unless the campaign says otherwise.
pub const RUN_WALL_MAX: Duration = Duration::from_secs(60);

/// Different failures that are made small, saved and drawn; of more, only the number is said.
pub const FAILURES_MAX: usize = 3;

/// What of a scenario to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The model, as text; none is the scenario's own.
    pub model: Option<String>,
    /// The first seed; the others follow it.
    pub first_seed: u64,
    /// How many seeds; none is the scenario's own number, or as many as the minutes allow.
    pub seeds: Option<u64>,
    /// For how many minutes at most new seeds are begun.
    pub minutes: Option<f64>,
    /// How many runs at a time; 0 is one for each core.
    pub jobs: usize,
    /// Whether to go on under a model that is weaker than the scenario's components require.
    pub beyond: bool,
    /// Each seed whose place is a multiple of this is run twice, and has to do the same both times; 0 is none.
    pub twice_every: u64,
    /// How long one run may take in real time.
    pub run_wall_max: Duration,
    /// The folder of saved failures: those in it are replayed first, and new ones are added.
    pub saved: Option<PathBuf>,
    /// The folder for pictures of failures; without one they go beside what is saved.
    pub pictures: Option<PathBuf>,
    /// By which it can be ended early.
    pub stop: Stop,
    /// The names of all scenarios of the program: a saved failure of another one is refused before a process is started.
    /// Empty where they are not known.
    pub scenarios: Vec<String>,
}

/// Ends a campaign early: the report is about the seeds that were run until then.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends it within some 100 ms, whatever is running.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Campaign {
    fn default() -> Campaign {
        Campaign {
            model: None,
            first_seed: 0,
            seeds: None,
            minutes: None,
            jobs: 0,
            beyond: false,
            twice_every: 10,
            run_wall_max: RUN_WALL_MAX,
            saved: None,
            pictures: None,
            stop: Stop::default(),
            scenarios: Vec::new(),
        }
    }
}

/// How far a campaign is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The scenario.
    pub name: String,
    /// What it does.
    pub stage: Stage,
    /// Seeds that were run.
    pub done: u64,
    /// Seeds in all, where that is known.
    pub total: Option<u64>,
    /// Seeds that failed.
    pub failing: u64,
    /// Real time since it began.
    pub elapsed: Duration,
}

/// What a campaign does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It replays what was saved.
    Replaying,
    /// It runs seeds.
    Running,
    /// It makes failures small.
    Minimising,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum CampaignError {
    /// The model is none.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No process or thread can be started.
    #[error("cannot start the process of a run: {0}; try fewer jobs at a time")]
    Launch(std::io::Error),
    /// It was asked to end.
    #[error("ended before it was done")]
    Stopped,
    /// A saved failure cannot be read.
    #[error("cannot read the saved failure {}: {why}; correct the file, or remove it", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A saved failure is of a scenario that is not there.
    #[error(
        "the saved failure {} is of the scenario `{scenario}`, but there are only `{known}`; replay it with the program \
         that has it, or correct its name",
        path.display()
    )]
    Scenario {
        /// The file.
        path: PathBuf,
        /// The scenario it names.
        scenario: String,
        /// Those that are there.
        known: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl CampaignError {
    pub(crate) fn saved(path: &Path, why: &dyn Display) -> CampaignError {
        CampaignError::Saved {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> CampaignError {
        CampaignError::Write {
            path: path.to_owned(),
            source,
        }
    }
}

/// Runs a campaign. `launch` gives the command that starts a process in which [`child::answer`](crate::child::answer)
/// is asked; it is given its run by the campaign.
///
/// First what was saved is replayed, then the seeds are run, then what failed is made small. Under a model that is
/// weaker than a component requires it ends after one seed, unless it is to go beyond.
pub fn run(
    scenario: &Scenario,
    campaign: &Campaign,
    launch: &dyn Fn(&Run) -> Command,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, CampaignError> {
    let model: Model = campaign.model.as_deref().unwrap_or(scenario.model).parse()?;
    let pool = Pool::new(launch, campaign);
    Course::new(scenario, campaign, &model, &pool).run(progress)
}

fn with_other_entropy(run: Run) -> Run {
    Run {
        entropy: !run.entropy,
        ..run
    }
}

/// What replaying one saved failure shows.
#[derive(Debug)]
pub struct Replayed {
    /// The failure; none if it does not fail any more.
    pub failure: Option<Failure>,
    /// The hash of its trace.
    pub hash: u64,
}

/// Replays the failure that is saved in a file, in the environment it was found in, and draws it into
/// `campaign.pictures`.
pub fn replay(path: &Path, campaign: &Campaign, launch: &dyn Fn(&Run) -> Command) -> Result<Replayed, CampaignError> {
    let failure = saved::read(path)?;
    let known = &campaign.scenarios;
    if !known.is_empty() && !known.contains(&failure.scenario) {
        return Err(CampaignError::Scenario {
            path: path.to_owned(),
            scenario: failure.scenario,
            known: known.join("`, `"),
        });
    }
    let model: Result<Model, ModelError> = failure.model.parse();
    model.map_err(|error| CampaignError::saved(path, &error))?;
    let launch = |run: &Run| {
        let mut command = launch(run);
        failure.surround(&mut command);
        command
    };
    let pool = Pool::new(&launch, campaign);
    let (scenario, model) = (&failure.scenario, &failure.model);
    Investigation::new(&pool, campaign, scenario, model, &failure.environment).replay(path, &failure)
}
