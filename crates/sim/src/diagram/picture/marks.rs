//! What happened on a node's line: crashes, restarts, faults, resets, notes; and across all lines, violations.

use std::collections::BTreeMap;

use super::super::placement::Place;
use super::super::scene::{Mark, Sign};
use super::super::text::{self, escape};
use super::{AXIS, MARK_LINE, MARK_SIZE, Sheet};

/// Lines of text at a mark, and at a violation.
const LINES_MAX: usize = 3;
const VIOLATION_LINES_MAX: usize = 4;

impl Sheet<'_> {
    fn chosen_marks(&self) -> Vec<&Mark<'_>> {
        self.chosen
            .marks
            .iter()
            .filter_map(|index| self.scene.marks.get(*index))
            .collect()
    }

    /// The lines of a mark's text, without those of nodes beside it in the way.
    fn lines(&self, mark: &Mark<'_>) -> Vec<String> {
        if mark.sign == Sign::Violated {
            let room = (self.width - AXIS - 60.0) / 8.4;
            return text::wrap(
                &text::shorten(mark.text, text::TEXT_CHARS_MAX * 2),
                room as usize,
                VIOLATION_LINES_MAX,
            );
        }
        let room = match mark.node {
            Some(_) => (self.gap.min(super::RIGHT + 8.0) - 34.0) / (MARK_SIZE * 0.6),
            None => (self.width - AXIS - 60.0) / (MARK_SIZE * 0.6),
        };
        let words = match mark.sign {
            Sign::Reset if mark.label.is_empty() => format!("reset: {}", mark.text),
            Sign::Reset => format!("reset {}: {}", mark.label, mark.text),
            _ => mark.text.to_owned(),
        };
        text::wrap(&text::shorten(&words, text::TEXT_CHARS_MAX), room as usize, LINES_MAX)
    }

    /// How much room each moment needs for what happened at it; on one line, one thing stands below another.
    pub(super) fn mark_rooms(&self) -> Vec<(u64, f64)> {
        let mut rooms: BTreeMap<(u64, Option<usize>, bool), f64> = BTreeMap::new();
        for mark in self.chosen_marks() {
            let is_violation = mark.sign == Sign::Violated;
            *rooms
                .entry((mark.at, mark.node.filter(|_| !is_violation), is_violation))
                .or_default() += self.room(mark);
        }
        let mut by_moment: BTreeMap<(u64, bool), f64> = BTreeMap::new();
        for ((at, _, is_violation), room) in rooms {
            let most = by_moment.entry((at, is_violation)).or_default();
            *most = most.max(room);
        }
        let mut together: BTreeMap<u64, f64> = BTreeMap::new();
        for ((at, _), room) in by_moment {
            *together.entry(at).or_default() += room;
        }
        together.into_iter().collect()
    }

    fn room(&self, mark: &Mark<'_>) -> f64 {
        if mark.node.is_none() && mark.sign != Sign::Violated {
            // Its text stands above; a second one goes below.
            return 20.0;
        }
        let lines = self.lines(mark).len() as f64;
        if mark.sign == Sign::Violated {
            lines * 18.0 + 30.0
        } else {
            lines * MARK_LINE + 6.0
        }
    }

    /// The marks with their heights, those of one moment and node below each other, violations below all.
    fn placed(&self) -> Vec<(&Mark<'_>, f64)> {
        let mut used: BTreeMap<(u64, Option<usize>), f64> = BTreeMap::new();
        let mut placed = Vec::new();
        let marks = self.chosen_marks();
        for mark in marks.iter().filter(|mark| mark.sign != Sign::Violated) {
            let offset = used.entry((mark.at, mark.node)).or_default();
            placed.push((*mark, self.scale.y(mark.at) + *offset));
            *offset += self.room(mark);
        }
        for mark in marks.into_iter().filter(|mark| mark.sign == Sign::Violated) {
            let others = used
                .iter()
                .filter(|((at, _), _)| *at == mark.at)
                .map(|(_, offset)| *offset);
            let offset = others.fold(0.0, f64::max);
            placed.push((mark, self.scale.y(mark.at) + offset));
            *used.entry((mark.at, None)).or_default() = offset + self.room(mark);
        }
        placed
    }

    /// The moments of what struck no node in particular.
    pub(super) fn worldwide(&self) -> Vec<u64> {
        let marks = self.chosen_marks().into_iter();
        marks
            .filter(|mark| mark.node.is_none() && mark.sign != Sign::Violated)
            .map(|mark| mark.at)
            .collect()
    }

    /// Takes the places of texts at marks, which matter more than labels of arrows.
    pub(super) fn mark_places(&mut self) {
        let mut places = Vec::new();
        for (mark, y) in self.placed() {
            if mark.sign == Sign::Violated {
                let height = self.room(mark) - 8.0;
                places.push(Place {
                    x: self.width / 2.0,
                    y: y + height / 2.0 - 3.0,
                    width: self.width,
                    height,
                    angle: 0.0,
                });
                continue;
            }
            let (x, y, side) = self.spot(mark, y);
            for (line, words) in self.lines(mark).iter().enumerate() {
                let wide = text::width(words, MARK_SIZE);
                let y = y + line as f64 * MARK_LINE;
                places.push(Place {
                    x: x + side * (13.0 + wide / 2.0),
                    y,
                    width: wide,
                    height: MARK_LINE,
                    angle: 0.0,
                });
            }
            places.push(Place {
                x,
                y,
                width: 18.0,
                height: 18.0,
                angle: 0.0,
            });
        }
        for place in places {
            self.taken.take(place);
        }
    }

    /// Where the sign of a mark is, and on which side of it the text: on the right, unless arrows pass there and none
    /// on the left. What struck no node has its text over a line of its own.
    fn spot(&self, mark: &Mark<'_>, y: f64) -> (f64, f64, f64) {
        let Some(x) = mark.node.and_then(|node| self.x(node)) else {
            return (AXIS + 10.0, y - 14.0, 1.0);
        };
        let lines = self.lines(mark);
        let wide = lines
            .iter()
            .map(|line| text::width(line, MARK_SIZE))
            .fold(0.0, f64::max);
        let (top, bottom) = (y - 8.0, y - 2.0 + lines.len() as f64 * MARK_LINE);
        let crossing = |side: f64| {
            let (near, far) = (x + side * 14.0, x + side * (13.0 + wide));
            let passes = |(from, to): &((f64, f64), (f64, f64))| {
                [0.0, 0.25, 0.5, 0.75, 1.0].iter().any(|share| {
                    let at = near + (far - near) * share;
                    let along = (at - from.0) / (to.0 - from.0);
                    let height = from.1 + (to.1 - from.1) * along;
                    (0.0..=1.0).contains(&along) && (top..=bottom).contains(&height)
                })
            };
            self.messages()
                .filter_map(|message| self.course(message))
                .filter(passes)
                .count()
        };
        let has_left = x - wide - 20.0 > AXIS;
        let side = if has_left && crossing(1.0) > crossing(-1.0) {
            -1.0
        } else {
            1.0
        };
        (x, y, side)
    }

    pub(super) fn marks(&mut self) {
        let placed: Vec<(String, Sign)> = self
            .placed()
            .into_iter()
            .map(|(mark, y)| (self.mark(mark, y), mark.sign))
            .collect();
        for (drawn, sign) in placed {
            self.out.push_str(&drawn);
            match sign {
                Sign::Crashed | Sign::Restarted => self.seen.crash = true,
                Sign::Fault => self.seen.fault = true,
                Sign::Reset => self.seen.reset = true,
                Sign::Note => self.seen.note = true,
                Sign::Violated => {}
            }
        }
    }

    fn mark(&self, mark: &Mark<'_>, y: f64) -> String {
        if mark.sign == Sign::Violated {
            return self.violation(mark, y);
        }
        let (x, height, side) = self.spot(mark, y);
        let title = format!(
            "{} {}",
            text::clock(mark.at, true),
            text::shorten(mark.text, text::TEXT_CHARS_MAX)
        );
        let mut drawn = format!(
            "<g class=\"mark {}\"><title>{}</title>",
            class(mark.sign),
            escape(&title)
        );
        if mark.node.is_none() {
            let end = self.width - 18.0;
            drawn.push_str(&format!("<path class=\"worldwide\" d=\"M{AXIS:.1} {y:.1}H{end:.1}\"/>"));
        }
        drawn.push_str(&symbol(mark.sign, x, height));
        let anchor = if side < 0.0 { "end" } else { "start" };
        let x = x + side * 13.0;
        for (line, words) in self.lines(mark).iter().enumerate() {
            let y = height + 4.0 + line as f64 * MARK_LINE;
            drawn.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
                escape(words)
            ));
        }
        drawn + "</g>\n"
    }

    fn violation(&self, mark: &Mark<'_>, y: f64) -> String {
        let lines = self.lines(mark);
        let at = text::clock(mark.at, true);
        let whole = escape(&text::shorten(mark.text, text::TEXT_CHARS_MAX * 2));
        let left = AXIS - 8.0;
        let wide = self.width - AXIS - 10.0;
        let mut drawn = format!(
            "<g class=\"violation\"><title>violated at {at}: {whole}</title><path class=\"bar\" d=\"M{left:.1} {y:.1}h{wide:.1}\"/>\
             <rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"/>",
            lines.len() as f64 * 18.0 + 9.0
        );
        if let Some(x) = mark.node.and_then(|node| self.x(node)) {
            drawn.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>"));
        }
        for (index, line) in lines.iter().enumerate() {
            let y = y + 18.5 + index as f64 * 18.0;
            let sign = if index == 0 { "✗ " } else { "" };
            let x = left + if index == 0 { 12.0 } else { 27.0 };
            drawn.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\">{sign}{}</text>",
                escape(line)
            ));
        }
        drawn + "</g>\n"
    }
}

fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::Violated => "violation",
        Sign::Crashed => "crashed",
        Sign::Restarted => "restarted",
        Sign::Fault => "fault",
        Sign::Reset => "reset",
        Sign::Note => "note",
    }
}

/// Each sign has a form of its own, so that no colour is needed to tell it.
pub(super) fn symbol(sign: Sign, x: f64, y: f64) -> String {
    match sign {
        Sign::Crashed => format!(
            "<path class=\"sign\" d=\"M{:.1} {:.1}l13 13m0 -13l-13 13\"/>",
            x - 6.5,
            y - 6.5
        ),
        Sign::Restarted => format!(
            "<path class=\"sign\" d=\"M{:.1} {:.1}h13l-6.5 11z\"/>",
            x - 6.5,
            y - 5.5
        ),
        Sign::Fault => format!(
            "<path class=\"sign\" d=\"M{:.1} {:.1}v14m0 -14h10l-3 4l3 4h-10\"/>",
            x - 1.0,
            y - 8.0
        ),
        Sign::Reset => format!(
            "<path class=\"sign\" d=\"M{x:.1} {:.1}l6.5 6.5l-6.5 6.5l-6.5 -6.5z\"/>",
            y - 6.5
        ),
        Sign::Note | Sign::Violated => format!("<circle class=\"sign\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.6\"/>"),
    }
}
