//! A trace put together: messages with their fates, spans in which a node was down or a link cut, marks, phases.

use std::collections::BTreeMap;

use crate::trace::{Event, Kind, Trace, What};

/// What a trace amounts to.
#[derive(Debug, Default)]
pub(super) struct Scene<'a> {
    pub(super) nodes: Vec<&'a str>,
    /// By the time they were sent.
    pub(super) messages: Vec<Message<'a>>,
    /// By time; violations are among them.
    pub(super) marks: Vec<Mark<'a>>,
    /// Nodes that were down or paused.
    pub(super) spans: Vec<Span>,
    pub(super) cuts: Vec<Cut>,
    pub(super) phases: Vec<Phase<'a>>,
    /// The time of the last event.
    pub(super) end: u64,
}

#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) number: u64,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: Kind,
    pub(super) label: &'a str,
    pub(super) attempt: u8,
    pub(super) sent: u64,
    /// More than one time for a duplicate; none for a message that was lost or is under way.
    pub(super) delivered: Vec<u64>,
    pub(super) lost: Option<(u64, &'a str)>,
}

impl Message<'_> {
    /// When the last thing happened to it that is known.
    pub(super) fn end(&self) -> u64 {
        let delivered = self.delivered.last().copied().unwrap_or(self.sent);
        delivered.max(self.lost.map_or(0, |(at, _)| at)).max(self.sent)
    }

    /// Whether no copy of it arrived, for a reason that is known.
    pub(super) fn is_lost(&self) -> bool {
        self.delivered.is_empty() && self.lost.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    Violated,
    Crashed,
    Restarted,
    Fault,
    Reset,
    Note,
}

#[derive(Debug)]
pub(super) struct Mark<'a> {
    pub(super) at: u64,
    pub(super) node: Option<usize>,
    pub(super) sign: Sign,
    pub(super) text: &'a str,
    /// The request that a reset is about; empty for everything else.
    pub(super) label: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Down,
    Paused,
}

#[derive(Debug)]
pub(super) struct Span {
    pub(super) node: usize,
    pub(super) state: State,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Links that were cut from one moment to another; each pair is one direction.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) pairs: Vec<(usize, usize)>,
}

#[derive(Debug)]
pub(super) struct Phase<'a> {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) name: &'a str,
}

/// Puts a trace together. Events that name a node or a message that the trace does not have are passed over.
pub(super) fn scene(trace: &Trace) -> Scene<'_> {
    let mut builder = Builder {
        scene: Scene {
            nodes: trace.nodes.iter().map(String::as_str).collect(),
            ..Scene::default()
        },
        ..Builder::default()
    };
    for event in &trace.events {
        builder.scene.end = builder.scene.end.max(event.at);
        builder.take(event);
    }
    builder.finish()
}

#[derive(Default)]
struct Builder<'a> {
    scene: Scene<'a>,
    by_number: BTreeMap<u64, usize>,
    down: BTreeMap<usize, u64>,
    paused: BTreeMap<usize, u64>,
    cut: BTreeMap<(usize, usize), u64>,
    /// Cuts that are over, or last to the end, by their times.
    ended: BTreeMap<(u64, u64), Vec<(usize, usize)>>,
}

impl<'a> Builder<'a> {
    fn take(&mut self, event: &'a Event) {
        let node = event.node.and_then(|node| self.known(node));
        match &event.what {
            What::Sent { .. } => self.sent(event, node),
            What::Delivered { message } => {
                if let Some(message) = self.message(*message) {
                    message.delivered.push(event.at);
                }
            }
            What::Lost { message, why } => {
                if let Some(message) = self.message(*message) {
                    message.lost = Some((event.at, why));
                }
            }
            What::Reset { label, why } => self.mark(event.at, node, Sign::Reset, why, label),
            What::Fault { text } => self.mark(event.at, node, Sign::Fault, text, ""),
            What::Note(text) => self.mark(event.at, node, Sign::Note, text, ""),
            What::Violated(text) => self.mark(event.at, node, Sign::Violated, text, ""),
            What::Crashed => {
                self.mark(event.at, node, Sign::Crashed, "crashed", "");
                if let Some(node) = node {
                    self.down.entry(node).or_insert(event.at);
                    self.resume(node, event.at);
                }
            }
            What::Restarted => {
                self.mark(event.at, node, Sign::Restarted, "restarted", "");
                if let Some((node, from)) = node.and_then(|node| self.down.remove_entry(&node)) {
                    self.span(node, State::Down, from, event.at);
                }
            }
            What::Paused(true) => {
                if let Some(node) = node {
                    self.paused.entry(node).or_insert(event.at);
                }
            }
            What::Paused(false) => {
                if let Some(node) = node {
                    self.resume(node, event.at);
                }
            }
            What::Cut { to, begins } => {
                if let (Some(node), Some(to)) = (node, self.known(*to)) {
                    self.cut(event.at, (node, to), *begins);
                }
            }
            What::Phase(name) => {
                if let Some(last) = self.scene.phases.last_mut() {
                    last.to = event.at;
                }
                self.scene.phases.push(Phase {
                    from: event.at,
                    to: event.at,
                    name,
                });
            }
        }
    }

    fn known(&self, node: u32) -> Option<usize> {
        usize::try_from(node).ok().filter(|node| *node < self.scene.nodes.len())
    }

    fn message(&mut self, number: u64) -> Option<&mut Message<'a>> {
        let index = *self.by_number.get(&number)?;
        self.scene.messages.get_mut(index)
    }

    fn sent(&mut self, event: &'a Event, node: Option<usize>) {
        let What::Sent {
            message,
            to,
            kind,
            label,
            attempt,
        } = &event.what
        else {
            return;
        };
        let (Some(from), Some(to)) = (node, self.known(*to)) else {
            return;
        };
        if self.by_number.contains_key(message) {
            return;
        }
        self.by_number.insert(*message, self.scene.messages.len());
        self.scene.messages.push(Message {
            number: *message,
            from,
            to,
            kind: *kind,
            label,
            attempt: *attempt,
            sent: event.at,
            delivered: Vec::new(),
            lost: None,
        });
    }

    fn mark(&mut self, at: u64, node: Option<usize>, sign: Sign, text: &'a str, label: &'a str) {
        self.scene.marks.push(Mark {
            at,
            node,
            sign,
            text,
            label,
        });
    }

    fn span(&mut self, node: usize, state: State, from: u64, to: u64) {
        self.scene.spans.push(Span { node, state, from, to });
    }

    fn resume(&mut self, node: usize, at: u64) {
        if let Some(from) = self.paused.remove(&node) {
            self.span(node, State::Paused, from, at);
        }
    }

    fn cut(&mut self, at: u64, pair: (usize, usize), begins: bool) {
        if begins {
            self.cut.entry(pair).or_insert(at);
        } else if let Some(from) = self.cut.remove(&pair) {
            self.ended.entry((from, at)).or_default().push(pair);
        }
    }

    /// Closes what is still open at the end of the trace.
    fn finish(mut self) -> Scene<'a> {
        let end = self.scene.end;
        for (node, from) in std::mem::take(&mut self.down) {
            self.span(node, State::Down, from, end);
        }
        for (node, from) in std::mem::take(&mut self.paused) {
            self.span(node, State::Paused, from, end);
        }
        for (pair, from) in std::mem::take(&mut self.cut) {
            self.ended.entry((from, end)).or_default().push(pair);
        }
        if let Some(last) = self.scene.phases.last_mut() {
            last.to = end;
        }
        let cuts = self.ended.into_iter();
        self.scene.cuts = cuts.map(|((from, to), pairs)| Cut { from, to, pairs }).collect();
        self.scene
    }
}

impl Cut {
    /// Who is cut off from whom, in words.
    pub(super) fn words(&self, nodes: &[&str]) -> String {
        let name = |node: &usize| nodes.get(*node).copied().unwrap_or("?").to_owned();
        if let Some((left, right)) = self.sides() {
            let side = |nodes: &[usize]| nodes.iter().map(name).collect::<Vec<_>>().join(", ");
            return format!("cut: {} | {}", side(&left), side(&right));
        }
        let shown: Vec<String> = self
            .pairs
            .iter()
            .take(3)
            .map(|(a, b)| format!("{} ↛ {}", name(a), name(b)))
            .collect();
        match self.pairs.len() - shown.len() {
            0 => format!("cut: {}", shown.join(", ")),
            more => format!("cut: {} and {more} more", shown.join(", ")),
        }
    }

    /// The two sides of a partition, when the pairs are all of those between two sets of nodes, both ways.
    pub(super) fn sides(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        let first = self.pairs.iter().map(|(a, b)| *a.min(b)).min()?;
        let across = |node: usize| -> Vec<usize> {
            let mut others: Vec<usize> = self.pairs.iter().filter(|(a, _)| *a == node).map(|(_, b)| *b).collect();
            others.sort_unstable();
            others.dedup();
            others
        };
        let right = across(first);
        let left = across(*right.first()?);
        let is_partition = left.iter().all(|node| across(*node) == right)
            && right.iter().all(|node| across(*node) == left)
            && left.len() * right.len() * 2 == self.pairs.len();
        is_partition.then_some((left, right))
    }
}
