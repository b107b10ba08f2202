//! A release as data: what `describe --json` prints of it, as far as another release has to get along with it.

mod order;
mod stored;
mod verdict;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::interface::Interface;
use crate::shape::{TypeDef, TypeRef};

pub use self::order::Step;
pub use self::verdict::{Change, Order, Report, Verdict, What, check};

/// One release of an application. Of what `describe --json` prints the rest is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its version, as its program says it.
    #[serde(default)]
    pub version: String,
    /// Its components.
    #[serde(default)]
    pub components: Vec<Released>,
    /// Who refers to whom.
    #[serde(default)]
    pub calls: Vec<Edge>,
    /// What lies in the databases of components until it is run.
    #[serde(default)]
    pub jobs: Vec<StoredJobs>,
    /// What lies with people until their sessions end.
    #[serde(default)]
    pub sessions: Vec<StoredSession>,
}

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

    /// Refuses one with an interface, a payload or a session that names no type; what is past here is only compared.
    pub fn check(&self) -> Result<(), crate::CodecError> {
        self.components
            .iter()
            .try_for_each(|released| released.interface.check())?;
        self.jobs.iter().try_for_each(|jobs| jobs.as_interface().check())?;
        self.sessions
            .iter()
            .try_for_each(|session| stored::session_interface(session).check())
    }
}

impl StoredJobs {
    /// The kinds as methods that take their payload: what is stored is read by the same rules as what is sent.
    fn as_interface(&self) -> Interface {
        stored::interface(self)
    }
}
