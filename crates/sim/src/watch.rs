//! What code says of itself while it is simulated: `buggify!`, `sometimes!`, `always!`.

use std::sync::{Arc, Weak};

use world::Probe;

use crate::fault::Fault;
use crate::inner::Inner;
use crate::model::Model;
use crate::trace::What;

/// Listens to the nodes of a world.
pub(crate) struct Watch(pub(crate) Weak<Inner>);

impl Watch {
    /// The world, unless `node` is as good as crashed: then what it says and sees was never said and seen.
    fn inner(&self, node: &str) -> Option<Arc<Inner>> {
        self.0.upgrade().filter(|inner| !inner.memory.is_struck(node))
    }
}

impl Probe for Watch {
    fn buggify(&self, node: &str, name: &'static str) -> bool {
        let Some(inner) = self.inner(node) else { return false };
        let mut core = inner.core();
        let offered = core.seen.offered.entry((node.to_owned(), name)).or_default();
        let nth = *offered;
        *offered += 1;
        let happens = core.source.buggify(&inner, node, name, nth);
        if happens {
            let at = core.find(node);
            let fault = Fault::Buggify {
                node: node.to_owned(),
                name: name.to_owned(),
                nth,
            };
            core.occurred(&inner, at, fault);
        }
        happens
    }

    fn sometimes(&self, node: &str, condition: bool, name: &'static str) {
        let Some(inner) = self.inner(node) else { return };
        let mut core = inner.core();
        if condition && !core.seen.sometimes.get(name).copied().unwrap_or_default() {
            let (now, at) = (inner.memory.now(), core.find(node));
            core.trace.keep(now, at, What::Note(name.to_owned()));
        }
        *core.seen.sometimes.entry(name.to_owned()).or_default() |= condition;
    }

    fn always(&self, node: &str, condition: bool, name: &'static str) {
        let Some(inner) = self.inner(node) else { return };
        if !condition {
            inner.violated(Some(node), format!("`{name}` did not hold on {node}"));
        }
    }

    fn requires(&self, node: &str, component: &str, model: &str) {
        if let Some(inner) = self.inner(node) {
            inner.require(component, model);
        }
    }

    fn note(&self, node: &str, text: &str) {
        let Some(inner) = self.inner(node) else { return };
        let at = inner.core().find(node);
        inner.note(at, What::Note(text.to_owned()));
    }
}

impl Inner {
    /// Takes note of a component that requires a stronger model than this one.
    pub(crate) fn require(&self, component: &str, required: &str) {
        let weaker = match required.parse::<Model>() {
            Ok(model) => self.model.at_least_as_strong_as(&model).err().unwrap_or_default(),
            Err(error) => vec![error.to_string()],
        };
        if !weaker.is_empty() {
            let why = format!("`{component}` requires `{required}`: {}", weaker.join("; "));
            self.core().seen.unmet.insert(why);
        }
    }

    /// Something is wrong, here and now.
    pub(crate) fn violated(&self, node: Option<&str>, text: String) {
        let at = node.and_then(|node| self.core().find(node));
        self.note(at, What::Violated(text.clone()));
        self.core().seen.violations.push(text);
    }
}
