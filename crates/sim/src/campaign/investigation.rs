//! What is made of a failure: a small list of faults, a file, pictures; or, of a run that is not deterministic, who made
//! it so.

use std::collections::BTreeMap;
use std::convert::identity;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::difference::{differ, first};
use super::pool::Pool;
use super::process::Done;
use super::tally::{Key, key, settled};
use super::{Campaign, CampaignError, Replayed, with_other_entropy};
use crate::determinism;
use crate::diagram::{self, View};
use crate::fault::Fault;
use crate::machine;
use crate::minimise::minimise;
use crate::report::Failure;
use crate::run::{Outcome, Run, Verdict};
use crate::saved::{Saved, file_stem};

/// Runs that are spent on making one failure small.
const RUNS_MAX: usize = 1_000;

/// Real time that is spent on it.
const WALL_MAX: Duration = Duration::from_secs(60);

pub(super) struct Investigation<'a> {
    pool: &'a Pool<'a>,
    campaign: &'a Campaign,
    scenario: &'a str,
    model: &'a str,
    environment: &'a BTreeMap<String, Option<String>>,
}

impl<'a> Investigation<'a> {
    pub(super) fn new(
        pool: &'a Pool<'a>,
        campaign: &'a Campaign,
        scenario: &'a str,
        model: &'a str,
        environment: &'a BTreeMap<String, Option<String>>,
    ) -> Self {
        Investigation {
            pool,
            campaign,
            scenario,
            model,
            environment,
        }
    }

    /// Whether a saved failure fails still, and as which.
    pub(super) fn again(&mut self, path: &Path, saved: &Saved) -> Result<Option<(Key, Failure)>, CampaignError> {
        let run = saved.run();
        let runs = match saved.verdict {
            Verdict::NotDeterministic => vec![run.clone(), with_other_entropy(run)],
            _ => vec![run],
        };
        let Some(done) = settled(self.pool.one(runs)?).filter(|done| done.outcome.verdict != Verdict::Holds) else {
            return Ok(None);
        };
        let key = key(&done.outcome);
        let failure = match done.outcome.verdict {
            Verdict::NotDeterministic => {
                let mut small = self.explain(done)?;
                self.draw(small.recorded.as_ref(), &mut small.failure, &stem(path));
                small.failure
            }
            _ => Failure::of(
                &done.outcome,
                saved.faults.clone().unwrap_or_else(|| done.outcome.faults.clone()),
            ),
        };
        let saved = Some(path.to_owned());
        Ok(Some((key, Failure { saved, ..failure })))
    }

    /// The same with pictures.
    pub(super) fn replay(&mut self, path: &Path, saved: &Saved) -> Result<Replayed, CampaignError> {
        let again = self.again(path, saved)?;
        let run = Run {
            record: true,
            ..saved.run()
        };
        let recorded = self.pool.one(vec![run])?.pop();
        let hash = recorded.as_ref().map_or(0, |done| done.outcome.hash);
        let failure = match (again, recorded) {
            (Some((_, mut failure)), Some(done)) => {
                self.draw(Some(&done.outcome), &mut failure, &stem(path));
                Some(failure)
            }
            _ => None,
        };
        Ok(Replayed { failure, hash })
    }

    /// Makes of a seed that failed what a person can use.
    pub(super) fn look(&mut self, done: Done) -> Result<Failure, CampaignError> {
        let seed = done.outcome.seed;
        let Small {
            mut failure,
            recorded,
            faults,
        } = match (done.outcome.verdict, done.told) {
            (Verdict::NotDeterministic, _) => self.explain(done)?,
            (_, false) => Small::only(Failure::of(&done.outcome, Vec::new())),
            (_, true) => self.minimal(done)?,
        };
        // Without a file, the model tells its pictures from those of the same seed under another one.
        let mut name = file_stem(&format!("{} {}", self.scenario, self.model), seed);
        if let Some(folder) = &self.campaign.saved {
            let saved = Saved {
                scenario: self.scenario.to_owned(),
                model: self.model.to_owned(),
                seed,
                faults,
                environment: self.environment.clone(),
                verdict: failure.verdict,
                message: failure.message.clone(),
                hash: format!("{:016x}", failure.hash),
            };
            match saved.write(folder) {
                Ok(path) => {
                    name = stem(&path);
                    failure.saved = Some(path);
                }
                Err(error) => failure.unsaved = Some(error.to_string()),
            }
        }
        self.draw(recorded.as_ref(), &mut failure, &name);
        Ok(failure)
    }

    fn run(&self, seed: u64, faults: Option<Vec<Fault>>) -> Run {
        Run {
            scenario: self.scenario.to_owned(),
            model: self.model.to_owned(),
            seed,
            faults,
            entropy: seed,
            ..Run::default()
        }
    }

    /// The failure with few faults.
    fn minimal(&self, done: Done) -> Result<Small, CampaignError> {
        let (seed, all) = (done.outcome.seed, done.outcome.faults.clone());
        let mut trial = Trial {
            investigation: self,
            seed,
            wanted: key(&done.outcome),
            any_message: false,
            runs: 0,
            began: machine::now(),
        };
        // What struck, as a list, must fail as well: otherwise it is no use to make the list smaller.
        let mut listed = trial.first_failing(std::slice::from_ref(&all))?.is_some();
        if !listed {
            trial.any_message = true;
            listed = trial.first_failing(std::slice::from_ref(&all))?.is_some();
        }
        let faults = match listed {
            true => Some(minimise(all.clone(), &mut |lists| trial.first_failing(lists))?),
            false => None,
        };
        let run = Run {
            record: true,
            ..self.run(seed, faults.clone())
        };
        let recorded = self.pool.one(vec![run])?.pop().map(|done| done.outcome);
        let recorded = recorded.filter(|recorded| trial.is_same(recorded));
        let mut failure = Failure::of(
            recorded.as_ref().unwrap_or(&done.outcome),
            faults.clone().unwrap_or(all),
        );
        failure.faults_before = done.outcome.faults.len();
        Ok(Small {
            failure,
            recorded,
            faults,
        })
    }

    /// Who made a run not deterministic.
    fn explain(&self, done: Done) -> Result<Small, CampaignError> {
        let run = Run {
            record: true,
            polls: true,
            ..self.run(done.outcome.seed, None)
        };
        let mut both = self.pool.one(vec![run.clone(), with_other_entropy(run)])?;
        let mut failure = Failure::of(&done.outcome, done.outcome.faults.clone());
        if let [one, other] = both.as_slice() {
            let difference = match differ(&one.outcome, &other.outcome) || !done.outcome.leaks.is_empty() {
                true => first(&one.outcome, &other.outcome),
                false => "the hashes only; when they were run again, they did not differ".to_owned(),
            };
            failure.message = determinism::explain(&one.outcome.leaks, &difference);
        }
        both.truncate(1);
        Ok(Small {
            failure,
            recorded: both.pop().map(|done| done.outcome),
            faults: None,
        })
    }

    /// Draws it; what was found is worth telling even where no picture can be written.
    fn draw(&self, recorded: Option<&Outcome>, failure: &mut Failure, name: &str) {
        if let Some(recorded) = recorded
            && let Err(error) = self.try_draw(recorded, failure, name)
        {
            failure.unsaved = Some(error.to_string());
        }
    }

    fn try_draw(&self, recorded: &Outcome, failure: &mut Failure, name: &str) -> Result<(), CampaignError> {
        let Some(trace) = &recorded.trace else { return Ok(()) };
        let folder = self.campaign.pictures.as_ref().or(self.campaign.saved.as_ref());
        let Some(folder) = folder else { return Ok(()) };
        let title = format!("{}, {}, seed {}", self.scenario, self.model, recorded.seed);
        let view = View::of(trace).titled(title, failure.verdict.name());
        let write = |extension: &str, text: &str| -> Result<Option<PathBuf>, CampaignError> {
            let path = folder.join(format!("{name}.{extension}"));
            machine::write(&path, text).map_err(|error| CampaignError::write(&path, error))?;
            Ok(Some(path))
        };
        failure.svg = write("svg", &diagram::svg(trace, &view))?;
        failure.page = write("html", &diagram::page(trace, &view))?;
        Ok(())
    }
}

/// The name of a file without its folder and ending: the pictures of a failure have that of its file.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// A failure that was made small.
struct Small {
    failure: Failure,
    /// Its recorded run, if it failed again.
    recorded: Option<Outcome>,
    /// The faults that it takes; none if they are only known to be those that the seed draws.
    faults: Option<Vec<Fault>>,
}

impl Small {
    fn only(failure: Failure) -> Small {
        Small {
            failure,
            recorded: None,
            faults: None,
        }
    }
}

/// Tries whether lists of faults fail, within bounds.
struct Trial<'a> {
    investigation: &'a Investigation<'a>,
    seed: u64,
    /// The failure that is looked for: a smaller list that fails in another way shows another bug.
    wanted: Key,
    /// Whether its verdict is enough: what struck, as a list, gives it with other words only.
    any_message: bool,
    runs: usize,
    began: Instant,
}

impl Trial<'_> {
    fn is_same(&self, outcome: &Outcome) -> bool {
        match self.any_message {
            true => outcome.verdict == self.wanted.0,
            false => key(outcome) == self.wanted,
        }
    }

    fn first_failing(&mut self, lists: &[Vec<Fault>]) -> Result<Option<usize>, CampaignError> {
        let pool = self.investigation.pool;
        for (batch, some) in lists.chunks(pool.jobs).enumerate() {
            if self.runs >= RUNS_MAX || self.began.elapsed() >= WALL_MAX {
                return Ok(None);
            }
            self.runs += some.len();
            let runs = some
                .iter()
                .map(|list| vec![self.investigation.run(self.seed, Some(list.clone()))]);
            let done = pool.all(runs.collect())?;
            let fails = |done: &Vec<Done>| done.iter().any(|done| done.told && self.is_same(&done.outcome));
            let found: Vec<bool> = done.iter().map(fails).collect();
            if let Some(at) = found.into_iter().position(identity) {
                return Ok(Some(batch * pool.jobs + at));
            }
        }
        Ok(None)
    }
}
