//! The panics of a run: a callee's panic is an answer to its caller, but to a campaign it is a finding.

use std::cell::RefCell;
use std::fmt;
use std::sync::Once;

use world::memory::World;

use crate::inner::WITNESS;

/// Panics that are kept of one run.
const PANICS_MAX: usize = 20;

/// A panic in a run.
pub(super) struct Panicked {
    pub(super) message: String,
    place: String,
    /// The node and the task it was in; none for the scenario itself.
    pub(super) task: Option<(String, &'static str)>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Panicked { message, place, task } = self;
        match task {
            Some((node, task)) => write!(f, "{node} panicked in its task `{task}` at {place}: {message}"),
            None => write!(f, "the scenario panicked at {place}: {message}"),
        }
    }
}

thread_local! {
    /// The panics of the run on this thread, and the world that says whose they are.
    static PANICS: RefCell<Option<(World, Vec<Panicked>)>> = const { RefCell::new(None) };
}

/// Keeps the panics on this thread from now on instead of printing them.
pub(super) fn keep(memory: &World) {
    listen();
    PANICS.with_borrow_mut(|panics| *panics = Some((memory.clone(), Vec::new())));
}

/// The panics since then, which are printed again from now on.
pub(super) fn take() -> Vec<Panicked> {
    PANICS
        .with_borrow_mut(Option::take)
        .map(|kept| kept.1)
        .unwrap_or_default()
}

fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let kept = PANICS.with(|panics| {
                let Ok(mut panics) = panics.try_borrow_mut() else {
                    return false;
                };
                let Some((memory, panics)) = panics.as_mut() else {
                    return false;
                };
                let task = memory.current().filter(|(node, _)| node != WITNESS);
                // Who crashes in this step anyway cannot panic before.
                let struck = task.as_ref().is_some_and(|(node, _)| memory.is_struck(node));
                if panics.len() < PANICS_MAX && !struck {
                    let payload = panic.payload_as_str().unwrap_or("a panic without a message");
                    let place = panic.location().map(ToString::to_string).unwrap_or_default();
                    panics.push(Panicked {
                        message: payload.to_owned(),
                        place,
                        task,
                    });
                }
                true
            });
            if !kept {
                before(panic);
            }
        }));
    });
}
