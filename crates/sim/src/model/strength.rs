//! Which of two models is the stronger, axis by axis.
//!
//! Nodes that stop for good are not stronger than nodes that come back, nor weaker. Every beginning of such a run is one
//! of a run in which the node comes back later, so what must never happen does not happen there either; but what is
//! promised to happen may wait for the node. A component that counts on its nodes to come back, as one that keeps its
//! state in one place does, keeps that promise under `datacentre` and not under `synchronous`, which is therefore not
//! at least as strong; `synchronous + crash-recovery` is.

use crate::model::{Clocks, Faulty, Links, Model, Processes, Timing};

impl Model {
    /// Whether everything that may happen in this model may happen in the required one, so that what keeps its promises
    /// there keeps them here; or one sentence for each axis in which it is not so. Models are only partly ordered: of
    /// two, neither need be the stronger. Shares are not compared, for a link that loses at all is a link that loses,
    /// nor is the moment at which delays become bounded, which no program may know.
    pub fn at_least_as_strong_as(&self, required: &Model) -> Result<(), Vec<String>> {
        let weaker: Vec<String> = [
            self.weaker_timing(required),
            self.weaker_processes(required),
            self.weaker_faulty(required),
            self.weaker_disk(required),
            self.weaker_links(required),
            self.weaker_partitions(required),
            self.weaker_clocks(required),
            self.weaker_clients(required),
        ]
        .into_iter()
        .flatten()
        .collect();
        if weaker.is_empty() { Ok(()) } else { Err(weaker) }
    }

    fn weaker_timing(&self, required: &Model) -> Option<String> {
        let holds = match (&self.timing, &required.timing) {
            (_, Timing::Asynchronous) => true,
            (
                Timing::Synchronous { delay_max, rounds },
                Timing::Synchronous {
                    delay_max: required_max,
                    rounds: required_rounds,
                },
            ) => delay_max <= required_max && rounds >= required_rounds,
            (
                Timing::Synchronous { delay_max, .. } | Timing::PartiallySynchronous { delay_max, .. },
                Timing::PartiallySynchronous {
                    delay_max: required_max,
                    ..
                },
            ) => delay_max <= required_max,
            _ => false,
        };
        (!holds).then(|| weaker("timing", &self.timing_in_words(), required, &required.timing_in_words()))
    }

    fn weaker_processes(&self, required: &Model) -> Option<String> {
        let (here, there) = (self.processes_in_words(), required.processes_in_words());
        let holds = match (self.processes, required.processes) {
            (Processes::CrashStop, required) => required == Processes::CrashStop,
            (here, required) => here <= required,
        };
        (!holds).then(|| weaker("processes", here, required, there))
    }

    fn weaker_faulty(&self, required: &Model) -> Option<String> {
        let holds = match (self.faulty_max, required.faulty_max) {
            _ if self.processes == Processes::Correct => true,
            (_, Faulty::Any) | (Faulty::Minority, Faulty::Minority) => true,
            (Faulty::AtMost(here), Faulty::AtMost(there)) => here <= there,
            (Faulty::AtMost(here), Faulty::Minority) => here <= 1,
            (Faulty::Any, _) | (Faulty::Minority, Faulty::AtMost(_)) => false,
        };
        (!holds).then(|| weaker("faulty", &self.faulty_in_words(), required, &required.faulty_in_words()))
    }

    fn weaker_disk(&self, required: &Model) -> Option<String> {
        let (here, there) = (self.disk_in_words(), required.disk_in_words());
        (self.disk > required.disk).then(|| weaker("disk", here, required, there))
    }

    fn weaker_links(&self, required: &Model) -> Option<String> {
        let (here, there) = (may(self.links), may(required.links));
        let holds = here.iter().zip(there).all(|(here, there)| *here <= there);
        (!holds).then(|| weaker("links", &self.links_in_words(), required, &required.links_in_words()))
    }

    fn weaker_partitions(&self, required: &Model) -> Option<String> {
        let (here, there) = (self.partitions_in_words(), required.partitions_in_words());
        (!self.partitions.is_subset(&required.partitions)).then(|| weaker("partitions", &here, required, &there))
    }

    fn weaker_clocks(&self, required: &Model) -> Option<String> {
        let holds = match (self.clocks, required.clocks) {
            (Clocks::Perfect, _) => true,
            (Clocks::Bounded { uncertainty }, Clocks::Bounded { uncertainty: required }) => uncertainty <= required,
            (Clocks::Bounded { uncertainty }, Clocks::Skewed { offset, .. }) => uncertainty <= offset,
            (
                Clocks::Skewed {
                    offset,
                    drift_ppm,
                    jumps,
                },
                Clocks::Skewed {
                    offset: required_offset,
                    drift_ppm: required_ppm,
                    jumps: required_jumps,
                },
            ) => offset <= required_offset && drift_ppm <= required_ppm && jumps <= required_jumps,
            _ => false,
        };
        (!holds).then(|| weaker("clocks", &self.clocks_in_words(), required, &required.clocks_in_words()))
    }

    /// Where nobody is cut off, no client is cut off from only some servers.
    fn weaker_clients(&self, required: &Model) -> Option<String> {
        let holds = self.clients_whole >= required.clients_whole || self.partitions.is_empty();
        let (here, there) = (self.clients_in_words(), required.clients_in_words());
        (!holds).then(|| weaker("clients", here, required, there))
    }
}

/// What links may do to messages: let others speak for a node, lose, double, reorder, change.
fn may(links: Links) -> [bool; 5] {
    match links {
        Links::Authenticated => [false; 5],
        Links::Perfect => [true, false, false, false, false],
        Links::FairLossy {
            loss,
            duplication,
            reorder,
        } => [true, loss > 0.0, duplication > 0.0, reorder, false],
        Links::Corrupting {
            loss,
            duplication,
            corruption,
        } => [true, loss > 0.0, duplication > 0.0, true, corruption > 0.0],
    }
}

fn weaker(axis: &str, here: &str, required: &Model, there: &str) -> String {
    format!("{axis}: {here}, but `{}` has {there}", required.name)
}
