//! The course of a campaign: what was saved, then the seeds, then what failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::investigation::Investigation;
use super::pool::Pool;
use super::tally::{Key, Tally, settled};
use super::{Campaign, CampaignError, FAILURES_MAX, Progress, Stage, with_other_entropy};
use crate::machine;
use crate::model::Model;
use crate::report::{Failure, Report};
use crate::run::Run;
use crate::saved;
use crate::scenario::Scenario;

pub(super) struct Course<'a> {
    scenario: &'a Scenario,
    campaign: &'a Campaign,
    model: &'a Model,
    pool: &'a Pool<'a>,
    began: Instant,
    /// How many seeds there are to be, where that is known.
    total: Option<u64>,
    /// What of the environment changes what the scenario does.
    environment: BTreeMap<String, Option<String>>,
}

impl<'a> Course<'a> {
    pub(super) fn new(scenario: &'a Scenario, campaign: &'a Campaign, model: &'a Model, pool: &'a Pool<'a>) -> Self {
        let value = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        let environment = scenario.environment.iter();
        Course {
            environment: environment.map(|name| ((*name).to_owned(), value(name))).collect(),
            scenario,
            campaign,
            model,
            pool,
            began: machine::now(),
            total: match (campaign.seeds, campaign.minutes) {
                (Some(seeds), _) => Some(seeds),
                (None, Some(_)) => None,
                (None, None) => Some(scenario.seeds),
            },
        }
    }

    pub(super) fn run(&self, progress: &mut dyn FnMut(&Progress)) -> Result<Report, CampaignError> {
        let mut report = Report::new(self.scenario.name, &self.model.name);
        let mut tally = Tally::default();
        let known = self.replay(&mut report, &mut |stage| progress(&self.progress(stage, &tally)))?;
        match self.seeds(&mut tally, progress) {
            Ok(()) | Err(CampaignError::Stopped) => {}
            Err(error) => return Err(error),
        }
        report.beyond = self.campaign.beyond;
        if self.goes_on(&tally) {
            report.not_exercised = tally.not_exercised(&self.scenario.sometimes);
        }
        tally.fill(&mut report);

        let mut found: Vec<_> = std::mem::take(&mut tally.failed).into_iter().collect();
        found.retain(|(key, _)| !known.contains(key));
        found.sort_by_key(|(_, done)| done.outcome.seed);
        report.different = (found.len() + known.len()) as u64;
        for (_, done) in found.into_iter().take(FAILURES_MAX) {
            progress(&self.progress(Stage::Minimising, &tally));
            let plain = Failure::of(&done.outcome, done.outcome.faults.clone());
            report.failures.push(match self.investigation().look(done) {
                Err(CampaignError::Stopped) => plain,
                looked => looked?,
            });
        }
        report.stopped = self.campaign.stop.is_asked();
        report.wall_s = self.elapsed().as_secs_f64();
        Ok(report)
    }

    /// Replays what was saved, and returns what fails still.
    fn replay(&self, report: &mut Report, tell: &mut dyn FnMut(Stage)) -> Result<BTreeSet<Key>, CampaignError> {
        let mut known = BTreeSet::new();
        let Some(folder) = &self.campaign.saved else {
            return Ok(known);
        };
        for (path, failure) in saved::all(folder, self.scenario.name, &self.model.name, &self.environment)? {
            tell(Stage::Replaying);
            match self.investigation().again(&path, &failure) {
                Err(CampaignError::Stopped) => break,
                Err(error) => return Err(error),
                Ok(Some((key, failure))) => {
                    known.insert(key);
                    report.failures.push(failure);
                }
                Ok(None) => report.mended.push(path),
            }
        }
        Ok(known)
    }

    fn seeds(&self, tally: &mut Tally, progress: &mut dyn FnMut(&Progress)) -> Result<(), CampaignError> {
        if self.is_over(0) {
            return Ok(());
        }
        progress(&self.progress(Stage::Running, tally));
        // The first one alone: it tells whether the model will do at all.
        let first = self.pool.one(self.seed(0))?;
        settled(first).into_iter().for_each(|done| tally.add(done));
        progress(&self.progress(Stage::Running, tally));
        if !self.goes_on(tally) {
            return Ok(());
        }
        let mut begun = 1;
        let mut next = || {
            let nth = begun;
            begun += 1;
            (!self.is_over(nth)).then(|| self.seed(nth))
        };
        self.pool.stream(&mut next, &mut |_, done| {
            settled(done).into_iter().for_each(|done| tally.add(done));
            progress(&self.progress(Stage::Running, tally));
        })
    }

    /// Whether the model will do.
    fn goes_on(&self, tally: &Tally) -> bool {
        self.campaign.beyond || tally.unmet.is_empty()
    }

    /// Whether no more than so many seeds are to be run.
    fn is_over(&self, seeds: u64) -> bool {
        let minutes = self.elapsed().as_secs_f64() / 60.0;
        let late = self.campaign.minutes.is_some_and(|minutes_max| minutes >= minutes_max);
        late || self.total.is_some_and(|total| seeds >= total)
    }

    /// The run, or two runs, of the nth seed.
    fn seed(&self, nth: u64) -> Vec<Run> {
        let seed = self.campaign.first_seed.wrapping_add(nth);
        let run = Run {
            scenario: self.scenario.name.to_owned(),
            model: self.model.name.clone(),
            seed,
            entropy: seed,
            ..Run::default()
        };
        let every = self.campaign.twice_every;
        match every > 0 && nth.is_multiple_of(every) {
            true => vec![run.clone(), with_other_entropy(run)],
            false => vec![run],
        }
    }

    fn investigation(&self) -> Investigation<'_> {
        Investigation::new(
            self.pool,
            self.campaign,
            self.scenario.name,
            &self.model.name,
            &self.environment,
        )
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn progress(&self, stage: Stage, tally: &Tally) -> Progress {
        Progress {
            name: self.scenario.name.to_owned(),
            stage,
            done: tally.seeds,
            total: self.total,
            failing: tally.failing(),
            elapsed: self.elapsed(),
        }
    }
}
