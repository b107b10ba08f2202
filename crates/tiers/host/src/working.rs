//! The jobs of an application: those of each component that asks for them, run from the start to the stop.

use std::sync::{Mutex, PoisonError};

use database::Database;
use jobs::mail::Mail;
use jobs::{Config as JobsConfig, Error, Jobs, Worker};
use world::Env;

use crate::config::Config;

/// The jobs that were asked for so far, and the mail beside them.
#[derive(Default)]
pub(crate) struct Working {
    jobs: Mutex<Vec<Jobs>>,
    mails: Mutex<Vec<(String, Mail)>>,
}

impl Working {
    /// Opens the jobs that lie in `database`.
    pub(crate) async fn open(&self, env: &Env, config: &Config, database: &Database) -> Result<Jobs, Error> {
        let jobs = Jobs::open(env, database, configured(config)).await?;
        self.with(|all| all.push(jobs.clone()));
        Ok(jobs)
    }

    /// Keeps the mail of `component`, to be looked at.
    pub(crate) fn keep_mail(&self, component: &str, mail: &Mail) {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push((component.to_owned(), mail.clone()));
    }

    /// The mail of each component that has some.
    pub(crate) fn mails(&self) -> Vec<(String, Mail)> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn opened(&self) -> Vec<Jobs> {
        self.with(|all| all.clone())
    }

    /// Begins to run all of them.
    pub(crate) async fn start(&self) -> Result<Vec<Worker>, Error> {
        let mut workers = Vec::new();
        for jobs in self.opened() {
            match jobs.start().await {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    for worker in workers {
                        worker.stop().await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(workers)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Jobs>) -> T) -> T {
        look(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What `tiers.jobs` says.
fn configured(config: &Config) -> JobsConfig {
    let mut settings = JobsConfig::default();
    if let Some(tier) = &config.tiers.jobs {
        settings.poll = tier.poll.unwrap_or(settings.poll);
        settings.lease = tier.lease.unwrap_or(settings.lease);
        settings.slots = tier.concurrency.unwrap_or(settings.slots);
        settings.keep = tier.keep.unwrap_or(settings.keep);
    }
    settings
}
