//! Nodes that lie: what a Byzantine process answers instead of the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::answer::VALUE;
use wire::{Codec, Limits};
use world::ReplyKind;

use crate::fault::{Fault, Lie};
use crate::inner::Inner;
use crate::random::Draw;
use crate::session::{Asked, Line};
use crate::source::Source;

/// Makes another value of an answer's bytes; the number tells apart what is told to different nodes.
type Mutator = Arc<dyn Fn(&[u8], u64) -> Option<Vec<u8>> + Send + Sync>;

/// What liars need to know.
#[derive(Default)]
pub(crate) struct Liars {
    mutators: BTreeMap<String, Mutator>,
    /// The last answer of each method of each node.
    kept: BTreeMap<(u32, String), Vec<u8>>,
    /// Replies so far from one node to another.
    replies: BTreeMap<(u32, u32), u64>,
    active: bool,
    /// Lies that some answer has left room for.
    able: BTreeSet<Lie>,
}

impl Liars {
    /// Whether some node lies in this run.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// Whether the scenario leaves room for such lies: what to say instead has to be taught, an answer of nothing has no
    /// bit to change, and where all answers are alike an older one is no lie.
    pub(crate) fn can(&self, lie: Lie) -> bool {
        match lie {
            Lie::Mutate | Lie::Equivocate => !self.mutators.is_empty(),
            Lie::Corrupt | Lie::Replay => self.able.contains(&lie),
            Lie::Silence | Lie::Delay => true,
        }
    }

    pub(crate) fn activate(&mut self, source: &Source) {
        self.active = match source {
            Source::Quiet => false,
            Source::Drawn { liars, .. } => !liars.is_empty(),
            Source::Listed(faults) => faults.iter().any(|fault| matches!(fault, Fault::Lie { .. })),
        };
    }

    /// Says what a lie about the answers of `method` looks like.
    pub(crate) fn teach<T>(&mut self, method: &str, lie: impl Fn(T, u64) -> T + Send + Sync + 'static)
    where
        T: Serialize + DeserializeOwned,
    {
        let mutator = move |value: &[u8], told: u64| {
            let value = wire::decode::<T>(Codec::Positional, value, &Limits::default()).ok()?;
            let mut bytes = vec![VALUE];
            wire::encode(Codec::Positional, &lie(value, told), &mut bytes).ok()?;
            Some(bytes)
        };
        self.mutators.insert(method.to_owned(), Arc::new(mutator));
    }
}

/// What is decided about an answer before code of the scenario is asked for a lie.
struct Chosen {
    node: u32,
    nth: u64,
    how: Lie,
    /// An older answer of the same method.
    older: Option<Vec<u8>>,
    mutator: Option<Mutator>,
    /// What is left of the chaos: nobody lies after it.
    left: Duration,
}

impl Inner {
    /// The answer that is really given, and how much later; none if nothing is said.
    pub(crate) fn lied(
        &self,
        line: &Line,
        asked: &Asked,
        kind: ReplyKind,
        body: Vec<u8>,
    ) -> Option<(Duration, Vec<u8>)> {
        // An error is not an answer: its bytes mean something else.
        if kind != ReplyKind::Reply {
            return Some((Duration::ZERO, body));
        }
        let Some(chosen) = self.chosen(line, asked, &body) else {
            return Some((Duration::ZERO, body));
        };
        let how = chosen.how;
        // What the lie is does not depend on who decided that it is one: the seed, or a list.
        let mut draw = Draw::keyed(&[self.seed, u64::from(line.to), u64::from(line.from), 6, chosen.nth]);
        let truth = body.clone();
        let (late, lie) = match how {
            Lie::Silence => (Duration::ZERO, None),
            Lie::Delay => (delayed(asked.remaining_us, &mut draw).min(chosen.left), Some(body)),
            Lie::Replay => (Duration::ZERO, Some(chosen.older.unwrap_or(body))),
            Lie::Corrupt => (Duration::ZERO, Some(corrupted(body, &mut draw))),
            Lie::Mutate | Lie::Equivocate => {
                let told = if how == Lie::Mutate {
                    0
                } else {
                    1 + u64::from(line.from)
                };
                let lie = chosen.mutator.and_then(|mutator| match body.split_first() {
                    Some((&VALUE, value)) => mutator(value, told),
                    _ => None,
                });
                (Duration::ZERO, Some(lie.unwrap_or(body)))
            }
        };
        // What turned out to be the truth is no fault.
        if lie.as_ref() != Some(&truth) || !late.is_zero() {
            let mut core = self.core();
            let fault = Fault::Lie {
                node: core.name(line.to),
                to: core.name(line.from),
                nth: chosen.nth,
                how,
            };
            core.occurred(self, Some(chosen.node), fault);
        }
        lie.map(|lie| (late, lie))
    }

    /// Whether and how this answer is to be a lie.
    fn chosen(&self, line: &Line, asked: &Asked, body: &[u8]) -> Option<Chosen> {
        let mut core = self.core();
        if !core.liars.active {
            return None;
        }
        let (node, to) = (line.to, line.from);
        let nth = {
            let replies = core.liars.replies.entry((node, to)).or_default();
            *replies += 1;
            *replies - 1
        };
        let method = asked.label.split(' ').next().unwrap_or_default().to_owned();
        let (name, told) = (core.name(node), core.name(to));
        let mut draw = Draw::keyed(&[self.seed, u64::from(node), u64::from(to), 5, nth]);
        let how = core.source.lie(self, &name, &told, nth, &mut draw);
        let older = core.liars.kept.insert((node, method.clone()), body.to_vec());
        let older = older.filter(|older| older != body);
        if older.is_some() {
            core.liars.able.insert(Lie::Replay);
        }
        // The first byte only says which kind of answer it is.
        if body.len() > 1 {
            core.liars.able.insert(Lie::Corrupt);
        }
        let left = core.chaos_ends.saturating_sub(self.memory.now());
        Some(Chosen {
            node,
            nth,
            how: how?,
            older,
            mutator: core.liars.mutators.get(&method).cloned(),
            left,
        })
    }
}

/// Just before whoever asked gives up, or just after.
fn delayed(remaining_us: Option<u64>, draw: &mut Draw) -> Duration {
    let remaining = remaining_us.unwrap_or(1_000_000);
    let share = 90 + draw.below(20);
    Duration::from_micros(remaining / 100 * share)
}

fn corrupted(mut body: Vec<u8>, draw: &mut Draw) -> Vec<u8> {
    // The first byte says that it is a value; without it the answer is merely unreadable.
    let bits = (body.len() as u64).saturating_sub(1) * 8;
    if bits > 0 {
        let bit = draw.below(bits) + 8;
        body[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
    body
}
