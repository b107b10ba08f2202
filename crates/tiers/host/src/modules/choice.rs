//! Which module of each component is opened.

use std::collections::BTreeMap;

use super::Provision;
use crate::bindings::two_traits;
use crate::config::{Config, listed, suggested};

/// The names of all modules of each component, in the order in which they were provided.
pub(super) fn provided(provisions: &[Provision]) -> BTreeMap<String, Vec<String>> {
    let mut provided: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for provision in provisions.iter().filter(|provision| provision.of.is_some()) {
        provided
            .entry(provision.component.clone())
            .or_default()
            .push(provision.module.clone());
    }
    provided
}

/// The modules to be opened here, in the order in which they were provided, or every reason why that is not decided.
pub(super) fn choose(provisions: Vec<Provision>, config: &Config) -> Result<Vec<Provision>, Vec<String>> {
    let mut of_name: BTreeMap<&str, Vec<&Provision>> = BTreeMap::new();
    for provision in &provisions {
        of_name.entry(&provision.component).or_default().push(provision);
    }
    let mut problems = Vec::new();
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    for (name, provided) in of_name {
        match one(name, &provided, config) {
            Ok(Some(module)) => drop(chosen.insert(name.to_owned(), module)),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let is_chosen = |provision: &Provision| chosen.get(&provision.component) == Some(&provision.module);
    Ok(provisions.into_iter().filter(is_chosen).collect())
}

/// The module that runs here as the component `name`; `None` where the component runs elsewhere, or is a program of its own.
fn one(name: &str, provided: &[&Provision], config: &Config) -> Result<Option<String>, String> {
    for pair in provided.windows(2) {
        match (pair[0].of, pair[1].of) {
            (Some((one, first)), Some((other, second))) if one != other => return Err(two_traits(name, first, second)),
            (Some(_), Some(_)) => {}
            _ => {
                return Err(format!(
                    "`{name}` names two modules of which one is no component; rename one"
                ));
            }
        }
    }
    let modules = || provided.iter().map(|provision| provision.module.as_str());
    let twice = modules().find(|module| modules().filter(|other| other == module).count() > 1);
    if let Some(twice) = twice {
        return Err(format!(
            "component `{name}` has two modules called `{twice}`; name one of them by `.provide_named(\"..\", ..)`"
        ));
    }
    let component = config.components.get(name);
    if component.is_some_and(|component| component.at.is_some()) || config.external.contains_key(name) {
        return Ok(None);
    }
    if let Some((component, wanted)) = component.and_then(|component| Some((component, component.module.as_ref()?))) {
        return match modules().find(|module| module == wanted) {
            Some(module) => Ok(Some(module.to_owned())),
            None => {
                let place = config.source.place(&component.span);
                let suggested = suggested(wanted, modules().collect::<Vec<_>>());
                Err(format!("{place}: component `{name}` has no module {suggested}"))
            }
        };
    }
    let own: Vec<&&Provision> = provided.iter().filter(|provision| !provision.named).collect();
    match (own.as_slice(), provided) {
        ([own], _) => Ok(Some(own.module.clone())),
        ([], [only]) => Ok(Some(only.module.clone())),
        // Nothing has to choose where it does not really run.
        _ if config.brought.contains(name) => Ok(provided.first().map(|first| first.module.clone())),
        _ => Err(format!(
            "component `{name}` has {} modules and nothing chooses one: {}; write `module = \"{}\"` in \
             [components.{name}], or provide one of them by `.provide` and the others by `.provide_named`",
            provided.len(),
            listed(modules()),
            provided[0].module
        )),
    }
}
