//! What is worth drawing: the requests that a violation is about, and the messages and marks nearest to them.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{Mark, Message, Scene, Sign};
use crate::trace::Kind;

/// Requests that a view is about.
const FOCUS_LABELS_MAX: usize = 3;

/// Requests drawn because they caused those of the focus, or were caused by them.
const RELATED_LABELS_MAX: usize = 4;

/// Marks before a violation that a view shows when no request explains it.
const MARKS_BEFORE_MAX: usize = 12;

/// Unanswered requests of one node that are remembered to find out what it was asked.
const OPEN_REQUESTS_MAX: usize = 32;

/// Messages that a view of an uneventful trace shows.
const FIRST_MESSAGES_MAX: usize = 30;

/// How long before the first request of a view a fault may have struck to be shown with it, in nanoseconds.
const FAULT_BEFORE_NS: u64 = 2_000_000_000;

/// The window of a view and the requests it is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) focus: Vec<String>,
}

/// What of a scene is drawn, as indexes into it, by time.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) messages: Vec<usize>,
    pub(super) marks: Vec<usize>,
    pub(super) messages_left_out: usize,
    pub(super) marks_left_out: usize,
}

/// How much may be drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) marks: usize,
    /// Messages that are in no focus.
    pub(super) context: usize,
    /// Whether messages may be far from those of the focus.
    pub(super) far: bool,
    /// Messages alike in kind, component, sender, receiver and fate.
    pub(super) alike: usize,
}

/// The window around a violation; without one, around the first request in trouble; without that, the beginning.
pub(super) fn interest(scene: &Scene<'_>, violation: Option<&Mark<'_>>) -> Interest {
    let focus = focus(scene, violation);
    let involved = || scene.messages.iter().filter(|message| focus.contains(message.label));
    let at = violation.map(|violation| violation.at);
    let (from, to) = if let Some(first) = involved().map(|message| message.sent).min() {
        let last = involved().map(Message::end).max().unwrap_or(first);
        let before = scene
            .marks
            .iter()
            .rev()
            .filter(|mark| mark.at < first && mark.at.saturating_add(FAULT_BEFORE_NS) >= first);
        let fault = before.take(3).map(|mark| mark.at).min();
        (fault.unwrap_or(first), last.max(at.unwrap_or(last)))
    } else if let Some(at) = at {
        let before = scene.marks.iter().rev().filter(|mark| mark.at <= at);
        let from = before.take(MARKS_BEFORE_MAX).map(|mark| mark.at).min().unwrap_or(at);
        let cut = scene
            .cuts
            .iter()
            .filter(|cut| cut.to >= from && cut.from <= at)
            .map(|cut| cut.from)
            .min();
        (cut.unwrap_or(from).min(from), at)
    } else {
        let shown = scene
            .messages
            .get(FIRST_MESSAGES_MAX)
            .map_or(scene.end, |message| message.sent);
        (0, shown)
    };
    Interest {
        from,
        to,
        focus: focus.into_iter().map(str::to_owned).collect(),
    }
}

/// The labels of the requests in question: those whose id the violation names, or else the one in most trouble.
fn focus<'a>(scene: &Scene<'a>, violation: Option<&Mark<'_>>) -> BTreeSet<&'a str> {
    let words: BTreeSet<&str> = violation.map(|mark| words(mark.text).collect()).unwrap_or_default();
    let troubles = troubles(scene, violation.map(|mark| mark.at));
    let is_named = |label: &str| id(label).is_some_and(|id| words.contains(id));
    let mut named: Vec<&&str> = troubles.keys().filter(|label| is_named(label)).collect();
    named.sort_by_key(|label| std::cmp::Reverse(troubles.get(**label)));
    // A sum in the text may look like an id; a request in trouble tells which of them is meant.
    let score = |label: &str| troubles.get(label).map_or(0, |trouble| trouble.score);
    if named.first().is_some_and(|label| score(label) > 0) {
        named.retain(|label| score(label) > 0);
    }
    if !named.is_empty() {
        return named.into_iter().take(FOCUS_LABELS_MAX).copied().collect();
    }
    let worst = troubles
        .iter()
        .filter(|(label, trouble)| trouble.score > 0 && id(label).is_some());
    let Some((label, _)) = worst.max_by_key(|(_, trouble)| **trouble) else {
        return BTreeSet::new();
    };
    let same = troubles
        .keys()
        .filter(|other| id(other) == id(label))
        .take(FOCUS_LABELS_MAX);
    same.copied().collect()
}

/// What went wrong with a request; the later of two alike counts more, for it is nearer to the violation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Trouble {
    score: u32,
    last: u64,
}

/// The trouble of each request until a moment.
fn troubles<'a>(scene: &Scene<'a>, until: Option<u64>) -> BTreeMap<&'a str, Trouble> {
    let until = until.unwrap_or(u64::MAX);
    let mut troubles: BTreeMap<&str, Trouble> = BTreeMap::new();
    for message in scene.messages.iter().filter(|message| message.sent <= until) {
        let trouble = troubles.entry(message.label).or_default();
        trouble.last = message.sent;
        trouble.score |= match message.kind {
            // A lost answer is what doubles; a lost request is only late.
            Kind::Reply if message.is_lost() => 4,
            _ if message.is_lost() => 1,
            _ => 0,
        };
        let runs_again = message.attempt > 0 && !message.delivered.is_empty();
        trouble.score |= if runs_again || message.delivered.len() > 1 {
            8
        } else {
            0
        };
        trouble.score |= if message.attempt > 0 { 2 } else { 0 };
    }
    troubles
}

/// The words of a text that may be ids.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '-' || letter == '_'))
}

/// The id at the end of a label: its last word, when it has more than one. `3fa9` of `Ledger.transfer 3fa9`.
pub(super) fn id(label: &str) -> Option<&str> {
    let (method, id) = label.trim_end().rsplit_once(' ')?;
    (!method.is_empty() && id.len() >= 2).then_some(id)
}

/// Chooses the messages and marks between two moments that are nearest to what the focus and the violations show.
pub(super) fn choose(
    scene: &Scene<'_>,
    interest: &Interest,
    window: (u64, u64),
    nodes: &[usize],
    limits: Limits,
) -> Chosen {
    let nodes: BTreeSet<usize> = nodes.iter().copied().collect();
    let focus: BTreeSet<&str> = interest.focus.iter().map(String::as_str).collect();
    let related = related(scene, &focus);
    let anchors = anchors(scene, interest, &focus);
    let involved: Vec<u64> = anchors
        .iter()
        .filter(|(_, is_message)| *is_message)
        .map(|(at, _)| *at)
        .collect();
    let anchors: Vec<u64> = anchors.into_iter().map(|(at, _)| at).collect();
    let (near, span_max) = match (involved.first(), involved.last()) {
        (Some(first), Some(last)) if !limits.far => (&involved, last - first),
        _ => (&anchors, u64::MAX),
    };
    let is_inside = |at: u64| at >= window.0 && at <= window.1;
    let mut total = 0;
    let mut messages: Vec<(u8, u64, usize)> = Vec::new();
    for (index, message) in scene
        .messages
        .iter()
        .enumerate()
        .filter(|(_, message)| is_inside(message.sent))
    {
        if !nodes.contains(&message.from) || !nodes.contains(&message.to) {
            continue;
        }
        let tier = match () {
            () if focus.contains(message.label) => 0,
            () if related.contains(message.label) => 1,
            () => 2,
        };
        let is_odd = message.attempt > 0 || message.delivered.len() != 1;
        let distance = distance(near, message.sent);
        total += 1;
        if tier > 1 && distance > span_max {
            continue;
        }
        messages.push((tier, if is_odd { distance / 4 } else { distance }, index));
    }
    messages.sort_unstable();
    let mut alike: BTreeMap<_, usize> = BTreeMap::new();
    let mut context = 0;
    messages.retain(|(tier, _, index)| {
        let Some(message) = scene.messages.get(*index).filter(|_| *tier > 0) else {
            return *tier == 0;
        };
        let group = id(message.label).map_or(message.label, |id| message.label.trim_end().trim_end_matches(id));
        let seen = alike
            .entry((group, message.kind, message.from, message.to, message.is_lost()))
            .or_default();
        *seen += 1;
        let is_kept = *seen <= limits.alike && context < limits.context;
        context += usize::from(is_kept);
        is_kept
    });
    messages.truncate(limits.messages);
    let mut marks: Vec<(bool, u64, usize)> = Vec::new();
    for (index, mark) in scene.marks.iter().enumerate().filter(|(_, mark)| is_inside(mark.at)) {
        if mark.node.is_some_and(|node| !nodes.contains(&node)) {
            continue;
        }
        marks.push((mark.sign != Sign::Violated, distance(&anchors, mark.at), index));
    }
    marks.sort_unstable();
    let marks_total = marks.len();
    marks.truncate(limits.marks);
    Chosen {
        messages_left_out: total - messages.len(),
        marks_left_out: marks_total - marks.len(),
        messages: in_order(messages.into_iter().map(|(_, _, index)| index)),
        marks: in_order(marks.into_iter().map(|(_, _, index)| index)),
    }
}

fn in_order(indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut indexes: Vec<usize> = indexes.collect();
    indexes.sort_unstable();
    indexes
}

/// The moments that matter, first to last, and whether each is one of a message of the focus.
fn anchors(scene: &Scene<'_>, interest: &Interest, focus: &BTreeSet<&str>) -> Vec<(u64, bool)> {
    let messages = scene.messages.iter().filter(|message| focus.contains(message.label));
    let moments = messages.flat_map(|message| [message.sent, message.end()]);
    let mut anchors: Vec<(u64, bool)> = moments.map(|at| (at, true)).collect();
    let is_anchor = |mark: &&Mark<'_>| {
        let is_inside = mark.at >= interest.from && mark.at <= interest.to;
        is_inside && (focus.is_empty() || mark.sign == Sign::Violated)
    };
    anchors.extend(scene.marks.iter().filter(is_anchor).map(|mark| (mark.at, false)));
    if focus.is_empty() {
        let cuts = scene.cuts.iter().flat_map(|cut| [cut.from, cut.to]);
        let inside = cuts.filter(|at| *at >= interest.from && *at <= interest.to);
        anchors.extend(inside.map(|at| (at, false)));
    }
    if anchors.is_empty() {
        anchors.push((interest.from, false));
    }
    anchors.sort_unstable();
    anchors
}

fn distance(anchors: &[u64], at: u64) -> u64 {
    let after = anchors.partition_point(|anchor| *anchor < at);
    let neighbours = [anchors.get(after.wrapping_sub(1)), anchors.get(after)];
    neighbours
        .into_iter()
        .flatten()
        .map(|anchor| anchor.abs_diff(at))
        .min()
        .unwrap_or(0)
}

/// Requests that the focus was asked by, or asked in turn, as far as times tell: a request that reached the sender
/// before and was not answered yet, and the first requests that a receiver sent before it answered.
fn related<'a>(scene: &Scene<'a>, focus: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut related = BTreeSet::new();
    if focus.is_empty() {
        return related;
    }
    let mut open: BTreeMap<usize, Vec<&'a str>> = BTreeMap::new();
    let mut arrivals: Vec<(u64, bool, usize, &'a str)> = Vec::new();
    for message in &scene.messages {
        match (message.kind, message.delivered.first()) {
            (Kind::Request, Some(at)) => arrivals.push((*at, true, message.to, message.label)),
            (Kind::Reply, _) => arrivals.push((message.sent, false, message.from, message.label)),
            _ => {}
        }
    }
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    for message in scene.messages.iter().filter(|message| message.kind == Kind::Request) {
        while let Some((_, opens, node, label)) = arrivals.next_if(|(at, ..)| *at <= message.sent) {
            let open = open.entry(node).or_default();
            open.retain(|other| *other != label);
            if opens {
                open.push(label);
                let old = open.len().saturating_sub(OPEN_REQUESTS_MAX);
                open.drain(..old);
            }
        }
        let Some(asked) = open.get(&message.from).and_then(|open| open.last()) else {
            continue;
        };
        if related.len() >= RELATED_LABELS_MAX {
            break;
        }
        if focus.contains(message.label) && !focus.contains(asked) {
            related.insert(*asked);
        } else if focus.contains(asked) && !focus.contains(message.label) {
            related.insert(message.label);
        }
    }
    related
}
