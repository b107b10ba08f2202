//! What the server's processes have used, as the kernel counts it: in ticks of 10 ms.

use std::collections::BTreeMap;
use std::fs;

/// Ticks of a second in `/proc`, which Linux fixes (`man 5 proc`, `USER_HZ`).
const TICKS: f64 = 100.0;

/// What `/proc/PID/stat` says of a process.
struct Process {
    name: String,
    parent: u32,
    /// Its own, and that of its children that have ended.
    ticks: u32,
}

/// CPU seconds of all processes of PostgreSQL below this one.
pub(crate) fn cpu_s() -> f64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: BTreeMap<u32, Process> = ids.filter_map(|id| Some((id, process(id)?))).collect();
    let own = all
        .iter()
        .filter(|(id, process)| process.name == "postgres" && is_below(&all, **id));
    own.map(|(_, process)| f64::from(process.ticks)).sum::<f64>() / TICKS
}

fn is_below(all: &BTreeMap<u32, Process>, mut id: u32) -> bool {
    while let Some(process) = all.get(&id) {
        if process.parent == std::process::id() {
            return true;
        }
        id = process.parent;
    }
    false
}

fn process(id: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name is in brackets, and may have some itself.
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Behind the name: state, parent, and from the twelfth on user, system, and both of ended children.
    let ticks = fields
        .get(11..15)?
        .iter()
        .map(|ticks| ticks.parse::<u32>().unwrap_or(0));
    Some(Process {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.sum(),
    })
}
