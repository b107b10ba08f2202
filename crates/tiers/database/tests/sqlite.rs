//! What is SQLite's alone: whose a file is, what happens when the disk fails, who is interrupted, how long the log gets.
#![expect(
    clippy::disallowed_methods,
    reason = "real files are damaged, and real processes and threads are met"
)]

#[path = "sqlite/disks.rs"]
mod disks;
#[path = "sqlite/files.rs"]
mod files;
#[path = "sqlite/fixture.rs"]
mod fixture;
#[path = "sqlite/sharing.rs"]
mod sharing;
#[path = "sqlite/slow.rs"]
mod slow;
