//! The picture: chooses, lays out, and draws the layers from the paper up.

mod arrows;
mod frame;
mod legend;
mod marks;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::choice::{self, Chosen, Limits};
use super::placement::Taken;
use super::scale::{Moments, Scale};
use super::scene::{Cut, Message, Scene, Span, State};
use super::{ARROWS_MAX, MARKS_MAX, NODES_MAX, View, text};
use crate::trace::Trace;

/// Messages of no focus, when there is one: enough to see what else went on.
const CONTEXT_MAX: usize = 18;

/// Messages alike in all but their time.
const ALIKE_MAX: usize = 4;

/// Cuts shown as bands.
const CUTS_MAX: usize = 8;

/// Spans of one node in which it was down or paused.
const SPANS_MAX: usize = 32;

/// Size of the labels of arrows, in pixels.
const LABEL_SIZE: f64 = 11.5;

/// Size of the texts of marks, in pixels, and the height of a line of them.
const MARK_SIZE: f64 = 12.0;
const MARK_LINE: f64 = 15.0;

/// From the left edge to the end of the axis, and from there to the first line.
const AXIS: f64 = 122.0;
const AXIS_TO_NODES: f64 = 64.0;

/// Right of the last line, where the texts of its marks stand.
const RIGHT: f64 = 210.0;

const COLUMN_MIN: f64 = 168.0;
const COLUMN_MAX: f64 = 310.0;

/// Draws a scene.
pub(super) fn draw(scene: &Scene<'_>, trace: &Trace, view: &View) -> String {
    let (columns, chosen) = choose(scene, view);
    let mut sheet = Sheet::new(scene, view, columns, chosen);
    sheet.open(trace);
    sheet.phases();
    sheet.cuts();
    sheet.axis();
    sheet.nodes();
    sheet.mark_places();
    sheet.arrows();
    sheet.marks();
    sheet.headings();
    let height = sheet.legend(trace);
    sheet.close(height)
}

/// The nodes that are shown, left to right, and what is drawn of them.
fn choose(scene: &Scene<'_>, view: &View) -> (Vec<usize>, Chosen) {
    let interest = view.interest();
    let limits = Limits {
        messages: ARROWS_MAX,
        marks: MARKS_MAX,
        context: if interest.focus.is_empty() {
            ARROWS_MAX
        } else {
            CONTEXT_MAX
        },
        far: interest.focus.is_empty(),
        alike: ALIKE_MAX,
    };
    let window = (interest.from, interest.to);
    let index = |name: &String| scene.nodes.iter().position(|node| node == name);
    let named = view
        .nodes
        .as_ref()
        .map(|names| names.iter().filter_map(index).collect());
    let mut columns: Vec<usize> = named.unwrap_or_else(|| (0..scene.nodes.len()).collect());
    let mut once = BTreeSet::new();
    columns.retain(|node| once.insert(*node));
    let mut chosen = choice::choose(scene, &interest, window, &columns, limits);
    if columns.len() > NODES_MAX {
        let messages = || chosen.messages.iter().filter_map(|index| scene.messages.get(*index));
        let busy = |node: usize| {
            messages()
                .filter(|message| message.from == node || message.to == node)
                .count()
        };
        let mut by_use: Vec<(std::cmp::Reverse<usize>, usize)> = Vec::new();
        by_use.extend(columns.iter().map(|node| (std::cmp::Reverse(busy(*node)), *node)));
        by_use.sort_unstable();
        by_use.truncate(NODES_MAX);
        columns.retain(|node| by_use.iter().any(|(_, kept)| kept == node));
        chosen = choice::choose(scene, &interest, window, &columns, limits);
    }
    (columns, chosen)
}

/// A picture on its way to a file.
struct Sheet<'a> {
    scene: &'a Scene<'a>,
    view: &'a View,
    /// The nodes, left to right.
    columns: Vec<usize>,
    chosen: Chosen,
    cuts: Vec<&'a Cut>,
    scale: Scale,
    /// From when to when, in nanoseconds.
    window: (u64, u64),
    /// The first and the last height at which something happens.
    top: f64,
    bottom: f64,
    gap: f64,
    width: f64,
    title: Vec<String>,
    taken: Taken,
    /// Labels that are written already: of several messages at once, one needs it.
    said: BTreeSet<(usize, u64, &'a str, u8)>,
    seen: Seen,
    out: String,
}

/// What a legend has to explain.
#[derive(Debug, Default)]
struct Seen {
    request: bool,
    reply: bool,
    hello: bool,
    retry: bool,
    lost: bool,
    duplicate: bool,
    crash: bool,
    pause: bool,
    cut: bool,
    fault: bool,
    reset: bool,
    note: bool,
    focus: bool,
}

impl<'a> Sheet<'a> {
    fn new(scene: &'a Scene<'a>, view: &'a View, columns: Vec<usize>, chosen: Chosen) -> Self {
        let interest = view.interest();
        let is_shown = |node: &usize| columns.contains(node);
        let overlaps = |cut: &&Cut| {
            let inside = cut.to >= interest.from && cut.from <= interest.to;
            inside && cut.pairs.iter().any(|(a, b)| is_shown(a) && is_shown(b))
        };
        let cuts: Vec<&Cut> = scene.cuts.iter().filter(overlaps).take(CUTS_MAX).collect();
        let longest = chosen.messages.iter().filter_map(|index| scene.messages.get(*index));
        let longest = longest
            .map(|message| text::width(&arrows::words(message), LABEL_SIZE))
            .fold(0.0, f64::max);
        let most = if columns.len() > 4 {
            (COLUMN_MAX * 4.0 / columns.len() as f64).max(COLUMN_MIN)
        } else {
            COLUMN_MAX
        };
        let gap = (longest + 46.0).clamp(COLUMN_MIN, most);
        let between = columns.len().saturating_sub(1) as f64 * gap;
        let width = (AXIS + AXIS_TO_NODES + between + RIGHT).max(640.0);
        let title = text::wrap(
            &text::shorten(&view.title, text::TEXT_CHARS_MAX),
            (width / 10.5) as usize,
            2,
        );
        let mut sheet = Self {
            scene,
            view,
            columns,
            chosen,
            cuts,
            scale: Scale::default(),
            window: (interest.from, interest.to),
            top: 0.0,
            bottom: 0.0,
            gap,
            width,
            title,
            taken: Taken::default(),
            said: BTreeSet::new(),
            seen: Seen::default(),
            out: String::new(),
        };
        sheet.lay_out();
        sheet
    }

    /// Gives every moment its height.
    fn lay_out(&mut self) {
        let (from, to) = self.window;
        let is_inside = |at: u64| at >= from && at <= to;
        let mut moments = Moments::default();
        moments.add(from, 0.0);
        moments.add(to, 0.0);
        for message in self.messages() {
            moments.add(message.sent, 0.0);
            if message.delivered.is_empty() {
                moments.add(message.end(), 16.0);
            }
            for at in message.delivered.iter().take(arrows::DELIVERIES_MAX) {
                moments.add(*at, 0.0);
            }
        }
        for (at, room) in self.mark_rooms() {
            moments.add(at, room);
        }
        for at in self.worldwide() {
            moments.add_above(at, 26.0);
        }
        for cut in &self.cuts {
            for at in [cut.from, cut.to].into_iter().filter(|at| is_inside(*at)) {
                moments.add(at, if at == cut.from { 22.0 } else { 8.0 });
            }
        }
        let is_pause = |span: &&Span| span.state == State::Paused && self.x(span.node).is_some();
        let pauses = self
            .scene
            .spans
            .iter()
            .filter(is_pause)
            .flat_map(|span| [span.from, span.to]);
        for at in pauses.filter(|at| is_inside(*at)).take(SPANS_MAX) {
            moments.add(at, 14.0);
        }
        self.top = 62.0 + 24.0 * self.title.len() as f64 + 60.0;
        self.scale = Scale::new(&moments, self.latency(), self.top);
        let last = self.scale.knots().last().map_or(self.top, |(_, y)| *y);
        let room = self
            .mark_rooms()
            .into_iter()
            .filter(|(at, _)| self.scale.y(*at) >= last)
            .map(|(_, room)| room);
        self.bottom = last + room.fold(22.0, f64::max);
    }

    /// How long messages in the picture were usually under way: their median, in nanoseconds.
    fn latency(&self) -> u64 {
        let under_way = |message: &Message<'_>| message.delivered.first().map(|at| at.saturating_sub(message.sent));
        let mut all: Vec<u64> = self.messages().filter_map(under_way).collect();
        all.sort_unstable();
        let (from, to) = self.window;
        all.get(all.len() / 2)
            .copied()
            .filter(|time| *time > 0)
            .unwrap_or((to - from) / 8)
    }

    fn messages(&self) -> impl Iterator<Item = &'a Message<'a>> + use<'a, '_> {
        let scene = self.scene;
        self.chosen
            .messages
            .iter()
            .filter_map(move |index| scene.messages.get(*index))
    }

    /// Where a node's line is; none if it is not shown.
    fn x(&self, node: usize) -> Option<f64> {
        let column = self.columns.iter().position(|shown| *shown == node)?;
        Some(AXIS + AXIS_TO_NODES + column as f64 * self.gap)
    }

    /// The height of a moment, within the lines.
    fn y(&self, at: u64) -> f64 {
        match at {
            at if at < self.window.0 => self.top - 14.0,
            at if self.scale.knots().last().is_some_and(|(last, _)| at > *last) => self.bottom,
            at => self.scale.y(at),
        }
    }

    fn is_focus(&self, label: &str) -> bool {
        self.view.focus.iter().any(|focus| focus == label)
    }

    fn put(&mut self, words: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(words);
    }
}
