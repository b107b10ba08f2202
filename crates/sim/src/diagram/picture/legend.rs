//! Under the picture: what its signs mean, as far as it has them, and what was left out.

use super::super::scene::Sign;
use super::super::text::{self, escape};
use super::marks::symbol;
use super::{MARK_SIZE, Sheet};
use crate::trace::Trace;

/// Width of the sample beside its word.
const SAMPLE: f64 = 38.0;

impl Sheet<'_> {
    /// Draws it and says where the picture ends.
    pub(super) fn legend(&mut self, trace: &Trace) -> f64 {
        let (left, right) = (24.0, self.width - 20.0);
        let under = if self.bottom - self.top > 900.0 { 58.0 } else { 30.0 };
        let (mut x, mut y) = (left, self.bottom + under);
        self.put(format_args!(
            "<path class=\"rule\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n"
        ));
        y += 24.0;
        for (sample, words) in self.samples() {
            let wide = SAMPLE + 8.0 + text::width(words, MARK_SIZE) + 20.0;
            if x + wide > right && x > left {
                x = left;
                y += 22.0;
            }
            self.put(format_args!(
                "<g transform=\"translate({x:.1} {:.1})\">{sample}</g><text class=\"key\" x=\"{:.1}\" y=\"{y:.1}\">{words}</text>\n",
                y - 4.0,
                x + SAMPLE + 8.0
            ));
            x += wide;
        }
        let mut notes = vec![
            "Time runs down. Steps are stretched or folded to be read; “+ 1.2 s” says how long a folded stretch was."
                .to_owned(),
        ];
        if !self.view.focus.is_empty() && self.seen.focus {
            let focus: Vec<String> = self.view.focus.iter().map(|label| text::shorten(label, 40)).collect();
            notes.push(format!("In bold: {}.", focus.join(", ")));
        }
        notes.extend(self.left_out(trace));
        y += 8.0;
        let characters = ((right - left) / (MARK_SIZE * 0.54)) as usize;
        for note in notes {
            for line in text::wrap(&note, characters, 4) {
                y += 17.0;
                self.put(format_args!(
                    "<text class=\"facts\" x=\"{left:.1}\" y=\"{y:.1}\">{}</text>\n",
                    escape(&line)
                ));
            }
        }
        y + 22.0
    }

    fn left_out(&self, trace: &Trace) -> Vec<String> {
        let mut said = Vec::new();
        let (messages, marks) = (self.chosen.messages_left_out, self.chosen.marks_left_out);
        if messages > 0 {
            let drawn = self.chosen.messages.len();
            said.push(format!(
                "{drawn} of {} messages of this time are drawn, {messages} are left out.",
                drawn + messages
            ));
        }
        if marks > 0 {
            said.push(format!("{marks} faults and notes of this time are left out."));
        }
        let hidden = self.scene.nodes.len() - self.columns.len();
        if hidden > 0 {
            said.push(format!(
                "{hidden} of {} nodes are not shown, nor what they sent and got.",
                self.scene.nodes.len()
            ));
        }
        if trace.dropped > 0 {
            said.push(format!(
                "The trace is incomplete: {} later events were not kept.",
                trace.dropped
            ));
        }
        said
    }

    fn samples(&self) -> Vec<(String, &'static str)> {
        let arrow = |class: &str, end: &str| {
            format!("<g class=\"message {class} sample\"><path class=\"line\" d=\"M0 0H29\"/>{end}</g>")
        };
        let head = "<path class=\"head\" d=\"M38 0l-9.5 -4.2v8.4z\"/>";
        let mark =
            |class: &str, sign: Sign| format!("<g class=\"mark {class}\">{}</g>", symbol(sign, SAMPLE / 2.0, 0.0));
        let seen = &self.seen;
        let lost = "<path class=\"cross\" d=\"M24 -5l10 10m0 -10l-10 10\"/>";
        let twice = format!("{head}<path class=\"head\" d=\"M30 0l-9.5 -4.2v8.4z\"/>");
        let all = [
            (seen.request, arrow("request", head), "request"),
            (seen.reply, arrow("reply", head), "reply"),
            (seen.hello, arrow("hello", head), "hello"),
            (seen.retry, arrow("request retry", head), "retry"),
            (seen.lost, arrow("request lost", lost), "lost"),
            (seen.duplicate, arrow("request", &twice), "arrived twice"),
            (seen.crash, mark("crashed", Sign::Crashed), "crash"),
            (seen.crash, mark("restarted", Sign::Restarted), "restart"),
            (seen.pause, "<rect class=\"paused\" x=\"4\" y=\"-7\" width=\"30\" height=\"14\"/>".to_owned(), "paused"),
            (seen.cut, "<g class=\"cut\"><rect x=\"0\" y=\"-8\" width=\"38\" height=\"16\"/><path class=\"wall\" d=\"M17 -8v16m4 -16v16\"/></g>".to_owned(), "links cut"),
            (seen.fault, mark("fault", Sign::Fault), "fault"),
            (seen.reset, mark("reset", Sign::Reset), "connection reset"),
            (seen.note, mark("note", Sign::Note), "note"),
        ];
        all.into_iter()
            .filter(|(is_seen, ..)| *is_seen)
            .map(|(_, sample, words)| (sample, words))
            .collect()
    }
}
