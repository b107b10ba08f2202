//! What the figures were made on.

use std::fs;
use std::process::Command;

/// One line: processor, cores, memory, kernel, compiler, load.
#[must_use]
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = line_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory_kib: u64 = line_value("/proc/meminfo", "MemTotal")
        .and_then(|value| value.split_whitespace().next().and_then(|number| number.parse().ok()))
        .unwrap_or(0);
    let kernel = first_line("/proc/sys/kernel/osrelease");
    let load = first_line("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?");
    format!(
        "{processor}, {cores} cores, {} GiB, Linux {kernel}, {}, load average {load} at start",
        memory_kib.div_ceil(1024 * 1024),
        compiler(),
    )
}

fn line_value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown compiler".to_owned())
}
