//! Which task was polled when, in a form that is short enough to hand from a run's process to its campaign.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use world::memory::Polled;

/// The polls of a run, first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polls {
    /// The tasks, as `node/task`.
    pub tasks: Vec<String>,
    /// True time in nanoseconds, and the task by number.
    pub polls: Vec<(u64, u32)>,
}

impl Polls {
    pub(super) fn of(polled: &[Polled]) -> Polls {
        let mut known = BTreeMap::new();
        let mut polls = Polls::default();
        for poll in polled {
            let key = (poll.node.as_deref(), poll.task);
            let number = *known.entry(key).or_insert_with(|| {
                polls.tasks.push(match key {
                    (Some(node), task) => format!("{node}/{task}"),
                    (None, task) => format!("scenario/{task}"),
                });
                polls.tasks.len() as u32 - 1
            });
            polls.polls.push((poll.at, number));
        }
        polls
    }

    /// The poll of this number: when, and which task.
    pub(crate) fn get(&self, number: usize) -> Option<(u64, &str)> {
        let (at, task) = *self.polls.get(number)?;
        Some((at, self.tasks.get(task as usize)?))
    }
}
