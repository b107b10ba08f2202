//! Where two runs of one seed part.

use crate::run::Outcome;
use crate::trace::{Event, Trace, What};

/// Whether two runs of one seed were two different runs.
pub(super) fn differ(one: &Outcome, other: &Outcome) -> bool {
    let key = |outcome: &Outcome| (outcome.hash, outcome.verdict, outcome.messages, outcome.simulated_us);
    key(one) != key(other) || one.message != other.message || one.faults != other.faults
}

/// The first thing that was not the same, in words; empty if nothing differs.
pub(super) fn first(one: &Outcome, other: &Outcome) -> String {
    let found: Vec<String> = [first_poll(one, other), first_event(one, other)]
        .into_iter()
        .flatten()
        .collect();
    if !found.is_empty() {
        return found.join("; ");
    }
    if one.message != other.message {
        return format!(
            "what it says in the end: `{}`, the other time `{}`",
            one.message, other.message
        );
    }
    match differ(one, other) {
        true => "the contents of a message, which the trace does not show".to_owned(),
        false => String::new(),
    }
}

fn first_poll(one: &Outcome, other: &Outcome) -> Option<String> {
    let (one, other) = (one.polls.as_ref()?, other.polls.as_ref()?);
    let number = (0..one.polls.len().max(other.polls.len())).find(|number| one.get(*number) != other.get(*number))?;
    let said = |poll: Option<(u64, &str)>| match poll {
        Some((at, task)) => format!("`{task}` at {}", seconds(at)),
        None => "nothing any more".to_owned(),
    };
    let (one, other) = (said(one.get(number)), said(other.get(number)));
    Some(format!("step {number} runs {one}, the other time {other}"))
}

fn first_event(one: &Outcome, other: &Outcome) -> Option<String> {
    let (one, other) = (one.trace.as_ref()?, other.trace.as_ref()?);
    let count = one.events.len().max(other.events.len());
    let number = (0..count).find(|number| one.events.get(*number) != other.events.get(*number))?;
    let said = |trace: &Trace| match trace.events.get(number) {
        Some(event) => told(trace, event),
        None => "nothing any more".to_owned(),
    };
    Some(format!(
        "event {number} is {}, the other time {}",
        said(one),
        said(other)
    ))
}

fn told(trace: &Trace, event: &Event) -> String {
    let name = |node: u32| trace.nodes.get(node as usize).map_or("?", String::as_str);
    let what = match &event.what {
        What::Sent { to, kind, label, .. } => format!("{} `{label}` sent to {}", kind.name(), name(*to)),
        What::Delivered { message } => format!("the arrival of message {message}"),
        What::Lost { message, why } => format!("the loss of message {message} ({why})"),
        What::Reset { label, why } => format!("the end of `{label}` ({why})"),
        What::Fault { text } | What::Note(text) | What::Phase(text) | What::Violated(text) => format!("`{text}`"),
        What::Crashed => "a crash".to_owned(),
        What::Restarted => "a restart".to_owned(),
        What::Paused(_) => "a pause".to_owned(),
        What::Cut { to, .. } => format!("a cut towards {}", name(*to)),
    };
    let node = event.node.map_or("the world", name);
    format!("{what} on {node} at {}", seconds(event.at))
}

fn seconds(nanos: u64) -> String {
    format!("{}.{:09} s", nanos / 1_000_000_000, nanos % 1_000_000_000)
}
