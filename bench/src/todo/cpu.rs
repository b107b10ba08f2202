//! What processes have used, thread by thread, as the kernel's scheduler counts it: in nanoseconds, where `/proc/PID/stat`
//! has ticks of 10 ms.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

/// The time of each thread.
pub(crate) struct Counted(BTreeMap<u32, u64>);

/// Of a process, and of all processes of PostgreSQL below this one where `with_database`.
pub(crate) fn count(id: u32, with_database: bool) -> anyhow::Result<Counted> {
    let mut ids = vec![id];
    if with_database {
        ids.extend(database());
    }
    let mut counted = BTreeMap::new();
    for id in ids {
        let threads = fs::read_dir(format!("/proc/{id}/task")).with_context(|| format!("process {id} has ended"))?;
        for thread in threads.flatten() {
            // One that has ended meanwhile, idle for long, has nothing more to be counted.
            let spent = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let Some(spent_ns) = spent.split(' ').next().and_then(|ns| ns.parse().ok()) else {
                continue;
            };
            let id = thread.file_name().to_str().and_then(|id| id.parse().ok());
            counted.insert(id.context("a thread has no number")?, spent_ns);
        }
    }
    Ok(Counted(counted))
}

/// Memory that is resident, in MiB.
pub(crate) fn resident_mib(id: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .context("the kernel does not say how much memory a process has")?;
    Ok(kib / 1024.0)
}

impl Counted {
    /// Seconds since then.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of an hour stay far below 2^52")]
    pub(crate) fn since_s(&self, before: &Counted) -> f64 {
        let spent = |(id, ns): (&u32, &u64)| ns.saturating_sub(before.0.get(id).copied().unwrap_or(0));
        self.0.iter().map(spent).sum::<u64>() as f64 / 1e9
    }
}

/// All processes of PostgreSQL below this one.
fn database() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: BTreeMap<u32, (String, u32)> = ids.filter_map(|id| Some((id, name_and_parent(id)?))).collect();
    let is_below = |mut id: u32| {
        while let Some((_, parent)) = all.get(&id) {
            if *parent == std::process::id() {
                return true;
            }
            id = *parent;
        }
        false
    };
    let own = all
        .iter()
        .filter(|(id, (name, _))| name == "postgres" && is_below(**id));
    own.map(|(id, _)| *id).collect()
}

fn name_and_parent(id: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name is in brackets, and may have some itself. Behind it: state, parent.
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(1)?;
    Some((name.to_owned(), parent.parse().ok()?))
}
