//! Failures that were found before: kept beside the test, and replayed first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::campaign::CampaignError;
use crate::fault::Fault;
use crate::machine;
use crate::run::{self, Run, Verdict};

/// A failure as a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The scenario's name.
    pub scenario: String,
    /// The model, as text.
    pub model: String,
    /// The seed.
    pub seed: u64,
    /// The faults under which it fails; without them, those that the seed draws.
    pub faults: Option<Vec<Fault>>,
    /// The environment variables that change what the scenario does, each with its value, if it had one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Option<String>>,
    /// How it failed.
    pub verdict: Verdict,
    /// What was wrong, in words.
    pub message: String,
    /// The hash of its trace, in hexadecimal.
    pub hash: String,
}

impl Saved {
    /// What to run to see it again.
    pub fn run(&self) -> Run {
        Run {
            scenario: self.scenario.clone(),
            model: self.model.clone(),
            seed: self.seed,
            faults: self.faults.clone(),
            entropy: self.seed,
            ..Run::default()
        }
    }

    /// Gives `command` the environment that it failed in.
    pub(crate) fn surround(&self, command: &mut Command) {
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// Writes it into `folder`, under the name of its scenario and its seed, and of its model and environment if that is
    /// taken.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, CampaignError> {
        let path_of = |name: &str| folder.join(format!("{}.json", file_stem(name, self.seed)));
        let mut path = path_of(&self.scenario);
        // The same seed may fail under two models, or in two environments.
        if read(&path).is_ok_and(|known| (&known.model, &known.environment) != (&self.model, &self.environment)) {
            let mut name = format!("{} {}", self.scenario, self.model);
            for (variable, _) in self.environment.iter().filter(|(_, value)| value.is_some()) {
                name.push_str(&format!(" {variable}"));
            }
            path = path_of(&name);
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| CampaignError::saved(&path, &error))?;
        machine::write(&path, &format!("{text}\n")).map_err(|error| CampaignError::write(&path, error))?;
        Ok(path)
    }
}

/// Reads one failure, and checks that a world can show its faults.
pub fn read(path: &Path) -> Result<Saved, CampaignError> {
    let text = machine::read(path).map_err(|error| CampaignError::saved(path, &error))?;
    let saved: Saved = serde_json::from_str(&text).map_err(|error| CampaignError::saved(path, &error))?;
    let faults = saved.faults.as_deref().unwrap_or_default();
    run::check(faults).map_err(|error| CampaignError::saved(path, &error))?;
    Ok(saved)
}

/// The failures in `folder` of a scenario under a model and in an environment, by name of their files. Of another model or
/// environment they say nothing about this one.
pub(crate) fn all(
    folder: &Path,
    scenario: &str,
    model: &str,
    environment: &BTreeMap<String, Option<String>>,
) -> Result<Vec<(PathBuf, Saved)>, CampaignError> {
    let Ok(entries) = folder.read_dir() else {
        return Ok(Vec::new());
    };
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_json)
        .collect();
    paths.sort();
    let mut saved = Vec::new();
    for path in paths {
        let failure = read(&path)?;
        if failure.scenario == scenario && failure.model == model && failure.environment == *environment {
            saved.push((path, failure));
        }
    }
    Ok(saved)
}

/// The name of a file about a failure, without its ending.
pub(crate) fn file_stem(scenario: &str, seed: u64) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let scenario: String = scenario
        .chars()
        .map(|letter| if plain(letter) { letter } else { '-' })
        .collect();
    format!("{scenario}-{seed}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Saved, all, read};
    use crate::run::Verdict;

    fn failure(model: &str) -> Saved {
        Saved {
            scenario: "bank: transfer".to_owned(),
            model: model.to_owned(),
            seed: 7,
            faults: None,
            environment: BTreeMap::new(),
            verdict: Verdict::Crash,
            message: "it went down".to_owned(),
            hash: "0".to_owned(),
        }
    }

    #[test]
    fn a_seed_that_fails_under_two_models_is_saved_twice_and_each_is_found_under_its_own() {
        let folder = std::env::temp_dir().join(format!("terrace-saved-{}", std::process::id()));
        let models = ["web", "asynchronous + byzantine(1)"];
        for model in models.into_iter().chain(models) {
            failure(model).write(&folder).expect("it is written");
        }
        for model in models {
            let found = all(&folder, "bank: transfer", model, &BTreeMap::new()).expect("they are read");
            let [(path, saved)] = found.as_slice() else {
                panic!("not one: {found:?}")
            };
            assert_eq!((saved, &read(path).expect("it is read")), (&failure(model), saved));
        }
        let other = |scenario, environment: &[(&str, Option<&str>)]| {
            let owned = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
            let environment = environment.iter().map(owned).collect();
            all(&folder, scenario, "web", &environment).expect("they are read")
        };
        assert!(other("bank", &[]).is_empty());
        assert!(other("bank: transfer", &[("BANK_FORGETS", Some("1"))]).is_empty());
        std::fs::remove_dir_all(folder).expect("nobody else uses it");
    }

    #[test]
    fn a_file_that_is_no_failure_is_named_with_what_to_do() {
        let folder = std::env::temp_dir().join(format!("terrace-unsaved-{}", std::process::id()));
        crate::machine::write(&folder.join("x.json"), "{}").expect("it is written");
        let error = all(&folder, "x", "web", &BTreeMap::new())
            .expect_err("it is no failure")
            .to_string();
        assert!(
            error.contains("x.json: missing field `scenario`") && error.ends_with("or remove it"),
            "{error}"
        );
        std::fs::remove_dir_all(folder).expect("nobody else uses it");
    }
}
