//! Runs in processes, some at a time.

use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::available_parallelism;
use std::time::Duration;

use super::process::{Done, perform};
use super::{Campaign, CampaignError, Stop};
use crate::machine;
use crate::run::Run;

/// How often is looked whether a campaign is to end early.
const STOP_EVERY: Duration = Duration::from_millis(100);

/// Starts the processes of a campaign.
pub(super) struct Pool<'a> {
    launch: &'a dyn Fn(&Run) -> Command,
    pub(super) jobs: usize,
    wall_max: Duration,
    stop: &'a Stop,
}

impl<'a> Pool<'a> {
    pub(super) fn new(launch: &'a dyn Fn(&Run) -> Command, campaign: &'a Campaign) -> Pool<'a> {
        let jobs = match campaign.jobs {
            0 => available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        };
        Pool {
            launch,
            jobs,
            wall_max: campaign.run_wall_max,
            stop: &campaign.stop,
        }
    }

    /// Does what `next` gives, several at a time; what is given together is done one after the other. `each` gets what
    /// came of it, in the order in which it ended. If the campaign is asked to stop, what is running is left to itself: it ends
    /// with this process.
    pub(super) fn stream(
        &self,
        next: &mut dyn FnMut() -> Option<Vec<Run>>,
        each: &mut dyn FnMut(Vec<Run>, Vec<Done>),
    ) -> Result<(), CampaignError> {
        let (ended, ends) = sync_channel(self.jobs);
        let mut busy = 0;
        loop {
            while busy < self.jobs
                && let Some(runs) = next()
            {
                let commands: Vec<Command> = runs.iter().map(self.launch).collect();
                let (ended, wall_max) = (ended.clone(), self.wall_max);
                let work = move || {
                    let done: Result<Vec<Done>, std::io::Error> = runs
                        .iter()
                        .zip(commands)
                        .map(|(run, command)| perform(command, run, wall_max))
                        .collect();
                    // Nobody listens if the campaign was given up.
                    let _ = ended.send((runs, done));
                };
                machine::in_background(work).map_err(CampaignError::Launch)?;
                busy += 1;
            }
            if busy == 0 {
                return Ok(());
            }
            if self.stop.is_asked() {
                return Err(CampaignError::Stopped);
            }
            let (runs, done) = match ends.recv_timeout(STOP_EVERY) {
                Ok(ended) => ended,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            busy -= 1;
            each(runs, done.map_err(CampaignError::Launch)?);
        }
    }

    /// Does all of these, and returns what came of them in their order.
    pub(super) fn all(&self, runs: Vec<Vec<Run>>) -> Result<Vec<Vec<Done>>, CampaignError> {
        let mut left = runs.iter();
        let mut done: Vec<(usize, Vec<Done>)> = Vec::new();
        let position = |of: &Vec<Run>| runs.iter().position(|runs| runs == of).unwrap_or_default();
        self.stream(&mut || left.next().cloned(), &mut |runs, came| {
            done.push((position(&runs), came));
        })?;
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, done)| done).collect())
    }

    /// Does one.
    pub(super) fn one(&self, runs: Vec<Run>) -> Result<Vec<Done>, CampaignError> {
        Ok(self.all(vec![runs])?.pop().unwrap_or_default())
    }
}
