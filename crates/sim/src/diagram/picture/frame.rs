//! What stands around the arrows: paper, title, phases, cuts, the axis, the nodes' lines.

use super::super::placement::Place;
use super::super::scene::{Cut, State};
use super::super::text::{self, escape};
use super::{AXIS, MARK_SIZE, SPANS_MAX, Sheet};
use crate::trace::Trace;

const STYLE: &str = include_str!("../picture.css");

/// The axis says a moment at most every so many pixels.
const TICK_MIN: f64 = 19.0;

impl Sheet<'_> {
    /// Leaves the height open; it is known last.
    pub(super) fn open(&mut self, trace: &Trace) {
        let title = escape(&text::shorten(&self.view.title, text::TEXT_CHARS_MAX));
        let name = if title.is_empty() {
            "Space-time diagram"
        } else {
            title.as_str()
        };
        self.put(format_args!("<title>{name}</title>\n<style>\n{STYLE}</style>\n"));
        self.put(format_args!(
            "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect class=\"hatch\" width=\"2.2\" height=\"6\"/></pattern></defs>\n"
        ));
        self.put(format_args!(
            "<rect class=\"paper\" x=\"0.5\" y=\"0.5\" rx=\"10\" width=\"{:.1}\" height=\"\u{1}\"/>\n",
            self.width - 1.0
        ));
        let mut y = 38.0;
        for line in self.title.clone() {
            self.put(format_args!(
                "<text class=\"title\" x=\"24\" y=\"{y:.1}\">{}</text>\n",
                escape(&line)
            ));
            y += 24.0;
        }
        let mut x = 24.0;
        if !self.view.verdict.is_empty() {
            let verdict = text::shorten(&self.view.verdict, 40);
            let wide = text::width(&verdict, 12.5) * 1.06 + 22.0;
            let class = if self.view.verdict == "holds" { "holds" } else { "fails" };
            self.put(format_args!(
                "<g class=\"verdict {class}\"><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"21\" rx=\"10.5\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></g>\n",
                y - 14.0,
                x + wide / 2.0,
                y + 1.0,
                escape(&verdict)
            ));
            x += wide + 12.0;
        }
        let (from, to) = (text::clock(self.window.0, false), text::clock(self.window.1, false));
        self.put(format_args!(
            "<text class=\"facts\" x=\"{x:.1}\" y=\"{:.1}\">{from} to {to} of {} · trace {:016x}</text>\n",
            y + 1.0,
            text::time(self.scene.end),
            trace.hash
        ));
    }

    /// Writes the height where it was left open, and the root around everything.
    pub(super) fn close(self, height: f64) -> String {
        let body = self.out.replacen('\u{1}', &format!("{:.1}", height - 1.0), 1);
        let width = self.width;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\">\n{body}</svg>\n"
        )
    }

    /// The ruler at the edge.
    pub(super) fn phases(&mut self) {
        let (top, bottom) = (self.top - 14.0, self.bottom);
        let (begin, end) = self.window;
        for (index, phase) in self.scene.phases.iter().enumerate() {
            if phase.to < begin || phase.from > end {
                continue;
            }
            let (from, to) = (self.y(phase.from).max(top), self.y(phase.to).min(bottom));
            let to = if phase.to >= end { bottom } else { to };
            let name = escape(&text::shorten(phase.name, 24));
            let shade = if index % 2 == 0 { "even" } else { "odd" };
            self.put(format_args!(
                "<g class=\"phase {shade}\"><title>{name} from {}</title><rect x=\"18\" y=\"{from:.1}\" width=\"17\" height=\"{:.1}\"/>",
                text::clock(phase.from, false),
                (to - from).max(0.0)
            ));
            if to - from > text::width(phase.name, 11.0) + 6.0 {
                let middle = (from + to) / 2.0;
                self.put(format_args!(
                    "<text transform=\"translate(30.5 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{name}</text>"
                ));
            }
            self.put(format_args!("</g>\n"));
        }
    }

    /// Bands, from when a cut begins to when it ends, with a wall between the sides.
    pub(super) fn cuts(&mut self) {
        for cut in self.cuts.clone() {
            self.seen.cut = true;
            self.cut(cut);
        }
    }

    fn cut(&mut self, cut: &Cut) {
        let places = cut.pairs.iter().flat_map(|(a, b)| [self.x(*a), self.x(*b)]).flatten();
        let (left, right) = places.fold((f64::MAX, 0.0_f64), |(left, right), x| (left.min(x), right.max(x)));
        let (from, to) = (self.y(cut.from), self.y(cut.to).min(self.bottom));
        let words = cut.words(&self.scene.nodes);
        let until = if cut.to < self.scene.end {
            text::clock(cut.to, false)
        } else {
            "the end".to_owned()
        };
        self.put(format_args!(
            "<g class=\"cut\"><title>{}, {} to {until}</title><rect x=\"{:.1}\" y=\"{from:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            escape(&text::shorten(&words, text::TEXT_CHARS_MAX)),
            text::clock(cut.from, false),
            left - 16.0,
            right - left + 32.0,
            (to - from).max(3.0)
        ));
        let walls = self.walls(cut);
        for x in &walls {
            self.put(format_args!(
                "<path class=\"wall\" d=\"M{:.1} {from:.1}V{to:.1}M{:.1} {from:.1}V{to:.1}\"/>",
                x - 2.0,
                x + 2.0
            ));
        }
        let x = walls.first().copied().unwrap_or((left + right) / 2.0);
        let room = ((right - left + 32.0) / (MARK_SIZE * 0.56)).max(14.0) as usize;
        let words = text::shorten(&words, room.min(60));
        let y = from + 14.0;
        let wide = text::width(&words, MARK_SIZE);
        let x = x.clamp((left - 12.0 + wide / 2.0).min(x), (right + 12.0 - wide / 2.0).max(x));
        self.taken.take(Place {
            x,
            y: y - 4.0,
            width: wide + 8.0,
            height: 16.0,
            angle: 0.0,
        });
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text></g>\n",
            escape(&words)
        ));
    }

    /// Between neighbours on different sides; for cuts that make no sides, half way between the two nodes of each.
    fn walls(&self, cut: &Cut) -> Vec<f64> {
        let mut walls: Vec<f64> = Vec::new();
        if let Some((left, right)) = cut.sides() {
            let side = |node: &usize| left.contains(node).then_some(0).or(right.contains(node).then_some(1));
            let sided: Vec<(f64, i32)> = self
                .columns
                .iter()
                .filter_map(|node| Some((self.x(*node)?, side(node)?)))
                .collect();
            for pair in sided.windows(2) {
                if let [(before, one), (after, other)] = pair
                    && one != other
                {
                    walls.push((before + after) / 2.0);
                }
            }
            return walls;
        }
        let middles = cut
            .pairs
            .iter()
            .filter_map(|(a, b)| Some((self.x(*a)? + self.x(*b)?) / 2.0));
        walls.extend(middles.take(12));
        walls.sort_by(f64::total_cmp);
        walls.dedup();
        walls
    }

    /// Moments at the left, a faint line for each, and how long folded stretches were.
    pub(super) fn axis(&mut self) {
        let knots = self.scale.knots().to_vec();
        let folds = self.scale.folds.clone();
        let is_fine = self.latency() < 2_000_000;
        let mut last = f64::MIN;
        let end = self.width - 18.0;
        for (at, y) in knots {
            let is_near_fold = folds.iter().any(|(fold, _)| (fold - y).abs() < 12.0);
            if y - last < TICK_MIN || is_near_fold {
                continue;
            }
            last = y;
            self.put(format_args!(
                "<path class=\"grid\" d=\"M{AXIS:.1} {y:.1}H{end:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                AXIS - 8.0,
                y + 4.0,
                text::clock(at, is_fine)
            ));
        }
        for (y, long) in folds {
            self.put(format_args!(
                "<g class=\"fold\"><title>{0} in which nothing drawn here happened</title><path d=\"M{1:.1} {y:.1}H{end:.1}\"/>\
                 <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">+ {0}</text></g>\n",
                text::time(long),
                AXIS,
                AXIS - 8.0,
                y + 4.0
            ));
        }
    }

    /// A line for each node: dotted while it is down, hatched while it is paused, broken at folds.
    pub(super) fn nodes(&mut self) {
        let (top, bottom) = (self.top - 14.0, self.bottom + 8.0);
        for node in self.columns.clone() {
            let Some(x) = self.x(node) else { continue };
            let name = self.scene.nodes.get(node).copied().unwrap_or("?");
            self.put(format_args!(
                "<g class=\"node\"><title>{}</title>",
                escape(&text::shorten(name, text::TEXT_CHARS_MAX))
            ));
            let mut y = top;
            let spans = self.scene.spans.iter().filter(|span| span.node == node);
            let mut drawn: Vec<(State, f64, f64)> = Vec::new();
            drawn.extend(spans.map(|span| {
                (
                    span.state,
                    self.y(span.from).max(top),
                    self.y(span.to).clamp(top, bottom),
                )
            }));
            drawn.retain(|(_, from, to)| to - from > 0.5 && *from < bottom);
            drawn.truncate(SPANS_MAX);
            drawn.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
            for (state, from, to) in drawn {
                if state == State::Paused {
                    self.seen.pause = true;
                    self.paused(x, from, to);
                    continue;
                }
                self.put(format_args!("<path class=\"life\" d=\"M{x:.1} {y:.1}V{from:.1}\"/><path class=\"down\" d=\"M{x:.1} {from:.1}V{to:.1}\"/>"));
                y = to.max(y);
            }
            self.put(format_args!(
                "<path class=\"life\" d=\"M{x:.1} {y:.1}V{bottom:.1}\"/></g>\n"
            ));
            for (fold, _) in self.scale.folds.clone() {
                self.put(format_args!(
                    "<path class=\"gap\" d=\"M{0:.1} {1:.1}l14 -5\"/><path class=\"edge\" d=\"M{0:.1} {2:.1}l14 -5M{0:.1} {3:.1}l14 -5\"/>\n",
                    x - 7.0,
                    fold + 2.5,
                    fold - 0.5,
                    fold + 5.5
                ));
            }
        }
    }

    /// A hatched bar, and the word beside it where there is room.
    fn paused(&mut self, x: f64, from: f64, to: f64) {
        self.put(format_args!(
            "<rect class=\"paused\" x=\"{:.1}\" y=\"{from:.1}\" width=\"14\" height=\"{:.1}\"/>",
            x - 7.0,
            to - from
        ));
        let rows = [11.0, 27.0, 43.0].into_iter().filter(|row| from + row < to + 12.0);
        for (side, y) in rows.flat_map(|row| [(1.0, from + row), (-1.0, from + row)]) {
            let place = Place {
                x: x + side * 33.0,
                y: y - 4.0,
                width: 46.0,
                height: 14.0,
                angle: 0.0,
            };
            if self.taken.claim(place) {
                let x = place.x;
                self.put(format_args!(
                    "<text class=\"paused\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">paused</text>"
                ));
                return;
            }
        }
    }

    /// The names of the nodes, over the lines and under a long picture too.
    pub(super) fn headings(&mut self) {
        let mut rows = vec![self.top - 46.0];
        if self.bottom - self.top > 900.0 {
            rows.push(self.bottom + 8.0);
        }
        for y in rows {
            for node in self.columns.clone() {
                let Some(x) = self.x(node) else { continue };
                let name = text::shorten(self.scene.nodes.get(node).copied().unwrap_or("?"), 20);
                let wide = (text::width(&name, 13.5) + 26.0).max(64.0);
                self.put(format_args!(
                    "<g class=\"heading\"><rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"26\" rx=\"6\"/>\
                     <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></g>\n",
                    x - wide / 2.0,
                    y + 17.5,
                    escape(&name)
                ));
            }
        }
    }
}
