//! The page: the trace as data, with a script and a style of its own, in one file.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::choice::{self, Interest, Limits};
use super::scene::{Message, Scene, Sign, State};
use super::{PAGE_MARKS_MAX, PAGE_MESSAGES_MAX, View, picture, scene, text};
use crate::trace::{Kind, Trace};

const SCRIPT: &str = include_str!("page.js");
const PAINT: &str = include_str!("paint.js");
const STYLE: &str = include_str!("page.css");

/// Copies of one message that the page knows of.
const DELIVERIES_MAX: usize = 4;

/// Nodes that the page has; the first ones, and those the view names.
const PAGE_NODES_MAX: usize = 64;

/// Times in which a node was down or paused, and links cut.
const PAGE_SPANS_MAX: usize = 2_000;

/// Phases of a run.
const PAGE_PHASES_MAX: usize = 64;

/// Characters of a fault, a note or a violation.
const MARK_CHARS_MAX: usize = 400;

/// Characters of a label or a reason.
const PAGE_TEXT_CHARS_MAX: usize = 120;

/// Writes the page of a view.
pub(super) fn write(trace: &Trace, view: &View) -> String {
    let scene = scene::scene(trace);
    let title = text::shorten(&view.title, text::TEXT_CHARS_MAX);
    let title = text::escape(if title.is_empty() { "Space-time diagram" } else { &title });
    let data = in_script(&data(&scene, trace, view));
    // Without script a reader still gets the picture.
    let picture = picture::draw(&scene, trace, view);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <noscript>{picture}</noscript>\n<div id=\"app\"></div>\n\
         <script type=\"application/json\" id=\"trace\">{data}</script>\n<script>\n{SCRIPT}{PAINT}</script>\n</body>\n</html>\n"
    )
}

/// JSON that cannot end the element it stands in: what means something to HTML is written as an escape.
fn in_script(data: &Value) -> String {
    let plain = data.to_string();
    let mut safe = String::with_capacity(plain.len());
    for letter in plain.chars() {
        match letter {
            '<' | '>' | '&' | '\'' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Texts by number; most labels are there several times.
#[derive(Default)]
struct Texts<'a> {
    numbers: BTreeMap<&'a str, usize>,
    all: Vec<String>,
}

impl<'a> Texts<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        *self.numbers.entry(text).or_insert_with(|| {
            self.all.push(clean(text));
            self.all.len() - 1
        })
    }
}

fn clean(text: &str) -> String {
    text::shorten(text, PAGE_TEXT_CHARS_MAX)
        .chars()
        .map(text::visible)
        .collect()
}

/// The nodes of the page by their number in the trace: where they stand, left to right.
fn nodes(scene: &Scene<'_>, view: &View) -> Vec<usize> {
    let index = |name: &String| scene.nodes.iter().position(|node| node == name);
    let named = view.nodes.iter().flatten().filter_map(index);
    let mut nodes: Vec<usize> = named.chain(0..scene.nodes.len()).collect();
    let mut once = std::collections::BTreeSet::new();
    nodes.retain(|node| once.insert(*node));
    nodes.truncate(PAGE_NODES_MAX);
    nodes
}

fn data(scene: &Scene<'_>, trace: &Trace, view: &View) -> Value {
    let interest = view.interest();
    let nodes = nodes(scene, view);
    let place: BTreeMap<usize, usize> = nodes.iter().enumerate().map(|(place, node)| (*node, place)).collect();
    let limits = Limits {
        messages: PAGE_MESSAGES_MAX,
        marks: PAGE_MARKS_MAX,
        context: PAGE_MESSAGES_MAX,
        far: true,
        alike: PAGE_MESSAGES_MAX,
    };
    let chosen = choice::choose(scene, &interest, (0, u64::MAX), &nodes, limits);
    let mut texts = Texts::default();
    let messages = chosen.messages.iter().filter_map(|index| scene.messages.get(*index));
    let messages: Vec<Value> = messages
        .filter_map(|message| row(message, &place, &mut texts))
        .collect();
    let marks = chosen.marks.iter().filter_map(|index| scene.marks.get(*index));
    let marks: Vec<Value> = marks
        .map(|mark| {
            let node = mark.node.and_then(|node| place.get(&node));
            let text: String = text::shorten(mark.text, MARK_CHARS_MAX)
                .chars()
                .map(text::visible)
                .collect();
            json!([mark.at, node, sign(mark.sign), text, texts.number(mark.label)])
        })
        .collect();
    let (spans, cuts) = stretches(scene, &interest, &place);
    let phases = scene.phases.iter().take(PAGE_PHASES_MAX);
    let names: Vec<String> = nodes
        .iter()
        .filter_map(|node| scene.nodes.get(*node))
        .map(|name| clean(name))
        .collect();
    let phases: Vec<Value> = phases
        .map(|phase| json!([phase.from, phase.to, clean(phase.name)]))
        .collect();
    json!({
        "title": clean(&view.title),
        "verdict": clean(&view.verdict),
        "hash": format!("{:016x}", trace.hash),
        "end": scene.end,
        "view": [interest.from, interest.to],
        "shown": view.nodes.as_ref().map(|names| names.iter().map(|name| clean(name)).collect::<Vec<_>>()),
        "focus": view.focus.iter().map(|label| clean(label)).collect::<Vec<_>>(),
        "nodes": names,
        "messages": messages,
        "marks": marks,
        "spans": spans,
        "cuts": cuts,
        "phases": phases,
        "texts": texts.all,
        "leftOut": {
            "messages": chosen.messages_left_out,
            "marks": chosen.marks_left_out,
            "nodes": scene.nodes.len() - nodes.len(),
            "events": trace.dropped,
        },
    })
}

/// Times in which nodes were down or paused, and in which links were cut; those of the window first.
fn stretches(scene: &Scene<'_>, interest: &Interest, place: &BTreeMap<usize, usize>) -> (Vec<Value>, Vec<Value>) {
    let near = |from: u64, to: u64| to >= interest.from && from <= interest.to;
    let mut spans: Vec<_> = scene
        .spans
        .iter()
        .filter(|span| place.contains_key(&span.node))
        .collect();
    spans.sort_by_key(|span| (!near(span.from, span.to), span.from));
    spans.truncate(PAGE_SPANS_MAX);
    let spans = spans.iter().map(|span| {
        let state = if span.state == State::Down { "down" } else { "paused" };
        json!([place.get(&span.node), state, span.from, span.to])
    });
    let mut cuts: Vec<_> = scene.cuts.iter().collect();
    cuts.sort_by_key(|cut| (!near(cut.from, cut.to), cut.from));
    cuts.truncate(PAGE_SPANS_MAX);
    let cuts = cuts.iter().map(|cut| {
        let pairs = cut
            .pairs
            .iter()
            .filter_map(|(a, b)| Some([place.get(a)?, place.get(b)?]));
        json!([
            cut.from,
            cut.to,
            clean(&cut.words(&scene.nodes)),
            pairs.take(64).collect::<Vec<_>>()
        ])
    });
    (spans.collect(), cuts.collect())
}

/// `[number, from, to, kind, label, attempt, sent, delivered, lost, why]`.
fn row<'a>(message: &Message<'a>, place: &BTreeMap<usize, usize>, texts: &mut Texts<'a>) -> Option<Value> {
    let (from, to) = (place.get(&message.from)?, place.get(&message.to)?);
    let kind = match message.kind {
        Kind::Hello => 0,
        Kind::Request => 1,
        Kind::Reply => 2,
    };
    let delivered: Vec<u64> = message.delivered.iter().copied().take(DELIVERIES_MAX).collect();
    let lost = message.lost.map(|(at, _)| at);
    let why = message.lost.map(|(_, why)| texts.number(why));
    let label = texts.number(message.label);
    Some(json!([
        message.number,
        from,
        to,
        kind,
        label,
        message.attempt,
        message.sent,
        delivered,
        lost,
        why
    ]))
}

fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Violated => "violated",
        Sign::Crashed => "crashed",
        Sign::Restarted => "restarted",
        Sign::Fault => "fault",
        Sign::Reset => "reset",
        Sign::Note => "note",
    }
}
