//! A release as data: what `describe --json` prints of it, as far as another release has to get along with it.

mod order;
mod stored;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::interface::Interface;
use crate::shape::{TypeDef, TypeRef};

pub use self::order::Step;
pub use self::verdict::{Change, Order, Report, Verdict, What, check};

/// One release of an application. Of what `describe --json` prints the rest is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// [`FORMAT`], where this version of Terrace has written it.
    pub format: u32,
    /// The application it is one of.
    pub application: String,
    /// Its version, as its program says it.
    pub version: String,
    /// Its components.
    pub components: Vec<Released>,
    /// Who refers to whom.
    pub calls: Vec<Edge>,
    /// What lies in the databases of components until it is run.
    pub jobs: Vec<StoredJobs>,
    /// What lies with people until their sessions end.
    pub sessions: Vec<StoredSession>,
}

/// How releases are written, counted up where one that reads this one could be misled by the next.
pub const FORMAT: u32 = 1;

/// One component of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What it offers; it names the component.
    pub interface: Interface,
}

/// A line of the call graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Who refers.
    pub caller: String,
    /// To whom.
    pub callee: String,
}

/// The jobs of one component: what a release writes into its database, and reads from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredJobs {
    /// Whose they are.
    pub component: String,
    /// Their kinds, sorted by name.
    pub kinds: Vec<JobKind>,
    /// The named types that the payloads use.
    pub types: Vec<TypeDef>,
}

/// One kind of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobKind {
    /// Its name.
    pub name: String,
    /// The names of its steps, in order; none if it is run as a whole.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What is stored with each job.
    pub payload: TypeRef,
}

/// What one front keeps in the sessions of people: a release writes it into their cookies, and reads it from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// Whose sessions they are.
    pub front: String,
    /// What is kept besides who has signed in.
    pub data: TypeRef,
    /// The named types that it uses.
    pub types: Vec<TypeDef>,
}

impl Default for Release {
    fn default() -> Release {
        Release {
            format: FORMAT,
            application: String::new(),
            version: String::new(),
            components: Vec::new(),
            calls: Vec::new(),
            jobs: Vec::new(),
            sessions: Vec::new(),
        }
    }
}

impl Release {
    /// The component of that name.
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        let found = self.components.iter().find(|released| released.interface.name == name);
        found.map(|released| &released.interface)
    }

    /// The team that answers for `name`, if it is a component with an owner.
    pub fn owner(&self, name: &str) -> Option<&str> {
        self.interface(name)?.owner.as_deref()
    }

    /// Refuses one of a later format, one that names something twice, and one with an interface, a payload or a session that names no
    /// type; what is past here is only compared.
    pub fn check(&self) -> Result<(), crate::CodecError> {
        if self.format > FORMAT {
            return Err(crate::CodecError::new(format!(
                "it has format {}, and this program reads {FORMAT}; compare them by the program of the newer release",
                self.format
            )));
        }
        once(
            "component",
            self.components.iter().map(|released| &released.interface.name),
        )?;
        for Released { interface } in &self.components {
            let what = format!("method of `{}`", interface.name);
            once(&what, interface.methods.iter().map(|method| &method.name))?;
        }
        self.components
            .iter()
            .try_for_each(|released| released.interface.check())?;
        self.jobs.iter().try_for_each(|jobs| jobs.as_interface().check())?;
        self.sessions
            .iter()
            .try_for_each(|session| stored::session_interface(session).check())
    }
}

/// Refuses a name that is there twice: only one of the two would be compared.
fn once<'n>(what: &str, names: impl Iterator<Item = &'n String>) -> Result<(), crate::CodecError> {
    let mut met = BTreeSet::new();
    for name in names {
        if !met.insert(name) {
            return Err(crate::CodecError::new(format!("the {what} `{name}` is there twice")));
        }
    }
    Ok(())
}

impl StoredJobs {
    /// The kinds as methods that take their payload: what is stored is read by the same rules as what is sent.
    fn as_interface(&self) -> Interface {
        stored::interface(self)
    }
}
