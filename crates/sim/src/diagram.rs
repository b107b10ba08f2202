//! Space-time diagrams of a run: a picture for a page of text, and a page to look around in.
//!
//! The form is Lamport's ("Time, Clocks, and the Ordering of Events in a Distributed System", 1978): a line for each
//! node, an arrow for each message, from where and when it was sent to where and when it arrived. Time runs downward,
//! so that labels, which are long, lie in the wide space between few lines, and a long run is scrolled like a text.
//! Heights are in order, not in proportion: a quiet stretch is folded, and says how long it was.

mod choice;
mod page;
mod picture;
mod placement;
mod scale;
mod scene;
mod text;

use crate::trace::Trace;
use choice::Interest;
use scene::{Mark, Scene, Sign};

/// Arrows in a picture; more cannot be told apart.
pub const ARROWS_MAX: usize = 48;

/// Crashes, faults, notes and the like in a picture.
pub const MARKS_MAX: usize = 24;

/// Nodes in a picture.
pub const NODES_MAX: usize = 12;

/// Messages in a page; it has those nearest to its view.
pub const PAGE_MESSAGES_MAX: usize = 8_000;

/// Crashes, faults, notes and the like in a page.
pub const PAGE_MARKS_MAX: usize = 2_000;

/// What of a trace is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// From when, in nanoseconds of true time.
    pub from_ns: u64,
    /// Until when, in nanoseconds of true time.
    pub to_ns: u64,
    /// The scenario, its model and its seed.
    pub title: String,
    /// How the run ended: `wrong answer`; empty when nothing is to be said.
    pub verdict: String,
    /// The nodes shown, in this order; all of them, if none are named.
    pub nodes: Option<Vec<String>>,
    /// Labels of the requests that it is about; their messages stand out, and are drawn before any others.
    pub focus: Vec<String>,
}

impl View {
    /// The window that a person wants to see first: around the violation; without one, around the request in the
    /// most trouble; without that, the beginning.
    pub fn of(trace: &Trace) -> Self {
        let scene = scene::scene(trace);
        Self::showing(choice::interest(&scene, violation(&scene)))
    }

    /// The window around the first violation: the requests that its text names by their id, or else the one in the
    /// most trouble before it, and the faults shortly before those. `None` if nothing was violated.
    pub fn around_violation(trace: &Trace) -> Option<Self> {
        let scene = scene::scene(trace);
        let violation = violation(&scene)?;
        Some(Self::showing(choice::interest(&scene, Some(violation))))
    }

    /// The whole run; what is drawn of it is still what is nearest to the view's requests.
    pub fn whole(trace: &Trace) -> Self {
        let end = trace.events.iter().map(|event| event.at).max().unwrap_or(0);
        Self {
            from_ns: 0,
            to_ns: end,
            ..Self::of(trace)
        }
    }

    /// The same window under a title, with a verdict.
    pub fn titled(self, title: impl Into<String>, verdict: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            verdict: verdict.into(),
            ..self
        }
    }

    fn showing(interest: Interest) -> Self {
        Self {
            from_ns: interest.from,
            to_ns: interest.to,
            focus: interest.focus,
            ..Self::default()
        }
    }

    fn interest(&self) -> Interest {
        Interest {
            from: self.from_ns,
            to: self.to_ns.max(self.from_ns),
            focus: self.focus.clone(),
        }
    }
}

/// One picture as a standalone SVG file: without script or fonts from elsewhere, on paper of its own, so that it can be
/// read on any background. At most [`ARROWS_MAX`] arrows; it says how many messages it leaves out.
pub fn svg(trace: &Trace, view: &View) -> String {
    picture::draw(&scene::scene(trace), trace, view)
}

/// One HTML file to zoom, filter and search in, which needs nothing but itself; it opens on the view's window and has
/// at most [`PAGE_MESSAGES_MAX`] messages, those nearest to it.
pub fn page(trace: &Trace, view: &View) -> String {
    page::write(trace, view)
}

fn violation<'a, 'b>(scene: &'b Scene<'a>) -> Option<&'b Mark<'a>> {
    scene.marks.iter().find(|mark| mark.sign == Sign::Violated)
}
