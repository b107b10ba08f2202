//! How soon our program serves, and how much memory it has then.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cpu;
use crate::server::{Place, start_ours};

/// After this long its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// One round: on an empty folder, and once more on what that left.
pub(crate) struct Started {
    pub(crate) first_ms: f64,
    pub(crate) again_ms: f64,
    pub(crate) idle_mib: f64,
}

pub(crate) fn round(folder: &Path) -> anyhow::Result<Started> {
    let place = Place::Folder(folder.to_owned());
    let (first_ms, _) = start(&place, Duration::ZERO)?;
    let (again_ms, idle_mib) = start(&place, IDLE)?;
    Ok(Started {
        first_ms,
        again_ms,
        idle_mib,
    })
}

/// From exec to the line that says where it listens, in ms; and MiB after `idle`.
fn start(place: &Place, idle: Duration) -> anyhow::Result<(f64, f64)> {
    let begin = Instant::now();
    let (process, _) = start_ours(place)?;
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    std::thread::sleep(idle);
    Ok((ms, cpu::resident_mib(process.id())?))
}
