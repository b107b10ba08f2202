//! What code may say to whoever simulates it: rare behaviour on offer, and what must or should happen. In production
//! nobody listens, and it costs one virtual call.

/// Who watches a simulated node.
pub trait Probe: Send + Sync {
    /// Whether the rare but legal behaviour `name` of `node` shall happen now.
    fn buggify(&self, node: &str, name: &'static str) -> bool;

    /// `condition` was looked at under `name`: a campaign in which it never holds has not exercised what it should.
    fn sometimes(&self, node: &str, condition: bool, name: &'static str);

    /// `condition` was looked at under `name`: a run in which it does not hold is a wrong answer.
    fn always(&self, node: &str, condition: bool, name: &'static str);

    /// `node` serves `component`, which keeps its promises in the system model `model` and in stronger ones.
    fn requires(&self, node: &str, component: &str, model: &str) {
        let _ = (node, component, model);
    }

    /// Something worth a mark in the picture of a run.
    fn note(&self, node: &str, text: &str);
}

/// A rare but legal behaviour that a simulation makes common: `if buggify!(env, "flush early") { .. }`. False in
/// production.
#[macro_export]
macro_rules! buggify {
    ($env:expr, $name:expr) => {{
        let env: &$crate::Env = &$env;
        env.probe().is_some_and(|probe| probe.buggify(env.node(), $name))
    }};
}

/// Something that should happen in some run of a campaign: `sometimes!(env, cache.is_full(), "the cache was full")`. The
/// condition is not evaluated in production.
#[macro_export]
macro_rules! sometimes {
    ($env:expr, $condition:expr, $name:expr) => {{
        let env: &$crate::Env = &$env;
        if let Some(probe) = env.probe() {
            probe.sometimes(env.node(), $condition, $name);
        }
    }};
}

/// Something that must hold whenever it is looked at: `always!(env, sum == 100, "money is kept")`. The condition is not
/// evaluated in production: what must hold there too is an error, not this.
#[macro_export]
macro_rules! always {
    ($env:expr, $condition:expr, $name:expr) => {{
        let env: &$crate::Env = &$env;
        if let Some(probe) = env.probe() {
            probe.always(env.node(), $condition, $name);
        }
    }};
}
