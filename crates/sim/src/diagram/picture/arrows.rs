//! Messages: an arrow each, cut half way if it was lost, with two heads if it arrived twice.

use super::super::placement::Place;
use super::super::scene::Message;
use super::super::text::{self, escape};
use super::{LABEL_SIZE, Sheet};
use crate::trace::Kind;

/// Copies of one message that get a head of their own.
pub(super) const DELIVERIES_MAX: usize = 4;

/// A lost message gets at least this far down, in pixels.
const LOST_DEPTH: f64 = 15.0;

/// From the middle of a node's line to the end of an arrow.
const TOUCH: f64 = 3.0;

/// A line from a sender towards a receiver.
#[derive(Clone, Copy, Debug)]
struct Line {
    x: f64,
    y: f64,
    to_x: f64,
    to_y: f64,
}

/// What is written at an arrow: whose request, which attempt.
pub(super) fn words(message: &Message<'_>) -> String {
    let label = text::shorten(message.label, text::TEXT_CHARS_MAX);
    format!("{label}{}", ending(message))
}

fn ending(message: &Message<'_>) -> String {
    let attempt = u32::from(message.attempt) + 1;
    match (message.attempt, message.kind) {
        (0, Kind::Reply) => " · reply".to_owned(),
        (0, _) => String::new(),
        (_, Kind::Reply) => format!(" · reply, attempt {attempt}"),
        _ => format!(" · attempt {attempt}"),
    }
}

/// Everything about a message, for who points at it.
pub(super) fn story(message: &Message<'_>, nodes: &[&str]) -> String {
    let name = |node: usize| nodes.get(node).copied().unwrap_or("?");
    let kind = match message.kind {
        Kind::Hello => "hello",
        Kind::Request => "request",
        Kind::Reply => "reply",
    };
    let (from, to) = (name(message.from), name(message.to));
    let label = text::shorten(message.label, text::TEXT_CHARS_MAX);
    let attempt = u32::from(message.attempt) + 1;
    let mut story = format!(
        "{kind} {label}, attempt {attempt}\n{from} → {to}\nsent {}",
        text::clock(message.sent, true)
    );
    for at in message.delivered.iter().take(DELIVERIES_MAX) {
        let took = text::time(at.saturating_sub(message.sent));
        story.push_str(&format!("\ndelivered {} after {took}", text::clock(*at, true)));
    }
    match message.lost {
        Some((at, why)) => {
            let why = text::shorten(why, text::TEXT_CHARS_MAX);
            story.push_str(&format!("\nlost {}: {why}", text::clock(at, true)));
        }
        None if message.delivered.is_empty() => story.push_str("\nunder way when the trace ends"),
        None => {}
    }
    story
}

impl<'a> Sheet<'a> {
    /// Those of the focus last, over the others; but labelled first.
    pub(super) fn arrows(&mut self) {
        let mut messages: Vec<&'a Message<'a>> = self.messages().collect();
        messages.sort_by_key(|message| (!self.is_focus(message.label), !message.is_lost(), message.sent));
        let mut drawn: Vec<String> = Vec::new();
        for message in messages {
            let before = self.out.len();
            self.arrow(message);
            drawn.push(self.out.split_off(before));
        }
        for arrow in drawn.iter().rev() {
            self.out.push_str(arrow);
        }
    }

    fn arrow(&mut self, message: &'a Message<'a>) {
        let (Some(x), Some(to_x)) = (self.x(message.from), self.x(message.to)) else {
            return;
        };
        let is_focus = self.is_focus(message.label);
        let mut class = match message.kind {
            Kind::Hello => "message hello",
            Kind::Request => "message request",
            Kind::Reply => "message reply",
        }
        .to_owned();
        let marks = [
            (message.attempt > 0, " retry"),
            (message.is_lost(), " lost"),
            (message.delivered.is_empty() && message.lost.is_none(), " open"),
            (message.delivered.len() > 1, " twice"),
            (is_focus, " focus"),
        ];
        class.extend(marks.iter().filter(|(holds, _)| *holds).map(|(_, class)| *class));
        self.explain(message, is_focus);
        let story = escape_lines(&story(message, &self.scene.nodes));
        self.put(format_args!(
            "<g class=\"{class}\" data-message=\"{}\"><title>{story}</title>",
            message.number
        ));
        let y = self.scale.y(message.sent);
        let mut first = None;
        for at in message.delivered.iter().take(DELIVERIES_MAX) {
            let line = Line {
                x,
                y,
                to_x,
                to_y: self.scale.y(*at),
            };
            first.get_or_insert(line);
            self.line(line, true);
        }
        let line = first.unwrap_or_else(|| {
            let depth = (self.scale.y(message.end()) - y).max(LOST_DEPTH);
            Line {
                x,
                y,
                to_x: self.half_way(x, to_x),
                to_y: y + depth,
            }
        });
        if first.is_none() {
            self.line(line, false);
        }
        if message.is_lost() {
            let (x, y) = self.tip(line);
            self.put(format_args!(
                "<path class=\"cross\" d=\"M{:.1} {:.1}l10 10m0 -10l-10 10\"/>",
                x - 5.0,
                y - 5.0
            ));
        }
        let origin = x + TOUCH * (to_x - x).signum();
        self.put(format_args!(
            "<circle class=\"origin\" cx=\"{origin:.1}\" cy=\"{y:.1}\" r=\"2.2\"/>"
        ));
        self.label(message, line, to_x);
        self.put(format_args!("</g>\n"));
    }

    /// Where a message goes from and to, for what has to stay out of its way.
    pub(super) fn course(&self, message: &Message<'_>) -> Option<((f64, f64), (f64, f64))> {
        let (x, to_x) = (self.x(message.from)?, self.x(message.to)?);
        let y = self.scale.y(message.sent);
        match message.delivered.first() {
            Some(at) => Some(((x, y), (to_x, self.scale.y(*at)))),
            None => Some((
                (x, y),
                (
                    self.half_way(x, to_x),
                    (self.scale.y(message.end())).max(y + LOST_DEPTH),
                ),
            )),
        }
    }

    /// Half way, but not on the line of a node that has nothing to do with it.
    fn half_way(&self, x: f64, to_x: f64) -> f64 {
        let columns = ((to_x - x).abs() / self.gap).round();
        let half = if columns > 0.0 && columns % 2.0 == 0.0 {
            columns / 2.0 - 0.3
        } else {
            columns / 2.0
        };
        x + (to_x - x).signum() * half * self.gap
    }

    fn explain(&mut self, message: &Message<'_>, is_focus: bool) {
        match message.kind {
            Kind::Hello => self.seen.hello = true,
            Kind::Request => self.seen.request = true,
            Kind::Reply => self.seen.reply = true,
        }
        self.seen.retry |= message.attempt > 0;
        self.seen.lost |= message.is_lost();
        self.seen.duplicate |= message.delivered.len() > 1;
        self.seen.focus |= is_focus;
    }

    /// Where an arrow ends: a message to its own node makes a bow and comes back.
    fn tip(&self, line: Line) -> (f64, f64) {
        if line.x == line.to_x {
            (line.x + 30.0, (line.y + line.to_y) / 2.0)
        } else {
            (line.to_x, line.to_y)
        }
    }

    fn line(&mut self, line: Line, has_head: bool) {
        let Line { x, y, to_x, to_y } = line;
        if x == to_x {
            self.put(format_args!(
                "<path class=\"line\" d=\"M{x:.1} {y:.1}C{0:.1} {y:.1} {0:.1} {to_y:.1} {1:.1} {to_y:.1}\"/>",
                x + 44.0,
                x + 8.0
            ));
            if has_head {
                self.put(format_args!(
                    "<path class=\"head\" d=\"M{:.1} {to_y:.1}l9 -4v8z\"/>",
                    x + TOUCH
                ));
            }
            return;
        }
        let long = (to_x - x).hypot(to_y - y);
        let (cos, sin) = ((to_x - x) / long, (to_y - y) / long);
        let (tip_x, tip_y) = if has_head {
            (to_x - cos * TOUCH, to_y - sin * TOUCH)
        } else {
            (to_x, to_y)
        };
        let back = if has_head { 7.0 } else { 0.0 };
        self.put(format_args!(
            "<path class=\"line\" d=\"M{x:.1} {y:.1}L{:.1} {:.1}\"/>",
            tip_x - cos * back,
            tip_y - sin * back
        ));
        if has_head {
            let (left, top) = (tip_x - cos * 9.5, tip_y - sin * 9.5);
            self.put(format_args!(
                "<path class=\"head\" d=\"M{tip_x:.1} {tip_y:.1}L{:.1} {:.1}L{:.1} {:.1}z\"/>",
                left - sin * 4.2,
                top + cos * 4.2,
                left + sin * 4.2,
                top - cos * 4.2
            ));
        }
    }

    /// Along the arrow, between two lines of nodes, where there is room; nowhere rather than over another.
    fn label(&mut self, message: &'a Message<'a>, line: Line, to_x: f64) {
        let why = message
            .lost
            .filter(|_| message.is_lost())
            .map(|(_, why)| text::shorten(why, 28));
        if let Some(why) = &why {
            self.reason(why, line, to_x);
        }
        let same = (message.from, message.sent, message.label, message.attempt);
        if self.said.contains(&same) && !self.is_focus(message.label) {
            return;
        }
        let long = (line.to_x - line.x).hypot(line.to_y - line.y);
        let slope = (line.to_y - line.y) / (line.to_x - line.x).abs().max(1.0);
        let direction = if line.to_x < line.x { -1.0 } else { 1.0 };
        let angle = (slope * direction).atan();
        let ending = ending(message);
        let label = text::shorten(message.label, text::TEXT_CHARS_MAX);
        let crossed = ((line.to_x - line.x).abs() / self.gap).ceil().max(1.0);
        // A cut arrow ends half way; its label may go on to the next line.
        let room = if why.is_some() || long < self.gap * 0.6 {
            self.gap - 26.0
        } else {
            self.gap / angle.cos() - 30.0
        };
        for size in [room, room * 0.72] {
            let Some(words) = text::fit(&label, &ending, LABEL_SIZE, size) else {
                continue;
            };
            let wide = text::width(&words, LABEL_SIZE);
            for column in 0..crossed.min(8.0) as usize {
                for shift in [0.5, 0.42, 0.58, 0.34, 0.66] {
                    let least = (wide / 2.0 + 13.0) / self.gap;
                    let along = (column as f64 + shift)
                        .clamp(column as f64 + least.min(0.5), column as f64 + 1.0 - least.min(0.5));
                    let x = line.x + direction * along * self.gap;
                    let on = line.y + slope * along * self.gap;
                    for off in [-6.0, 9.0] {
                        let place = Place {
                            x: x - angle.sin() * off,
                            y: on + angle.cos() * off,
                            width: wide,
                            height: LABEL_SIZE,
                            angle,
                        };
                        if self.taken.claim(place) {
                            self.said.insert(same);
                            self.put(format_args!(
                                "<text class=\"label\" transform=\"translate({:.1} {:.1}) rotate({:.1})\" text-anchor=\"middle\" dy=\"4\">{}</text>",
                                place.x,
                                place.y,
                                angle.to_degrees(),
                                escape(&words)
                            ));
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Why a message was lost, beyond the cross.
    fn reason(&mut self, why: &str, line: Line, to_x: f64) {
        let (x, y) = self.tip(line);
        let direction = if to_x < line.x { -1.0 } else { 1.0 };
        let wide = text::width(why, LABEL_SIZE);
        let anchor = if direction < 0.0 { "end" } else { "start" };
        for (along, below) in [(10.0, 4.0), (-4.0, 18.0), (10.0, -8.0), (10.0, 16.0), (-4.0, 31.0)] {
            let start = x + direction * along;
            let place = Place {
                x: start + direction * wide / 2.0,
                y: y + below - 4.0,
                width: wide,
                height: LABEL_SIZE,
                angle: 0.0,
            };
            if self.taken.claim(place) {
                self.put(format_args!(
                    "<text class=\"why\" x=\"{start:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                    y + below,
                    escape(why)
                ));
                return;
            }
        }
    }
}

/// Escapes a text of several lines; a tooltip shows them as such.
fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}
