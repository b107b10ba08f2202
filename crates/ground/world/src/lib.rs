//! The only door outside: time, randomness, network, disk, tasks, other programs.
//!
//! A program that reads a clock, opens a socket or spawns a task wherever it likes runs in one world only. Here all of
//! that is asked of an [`Env`], one per node, and there are two kinds: of the real world ([`production`]), and of a
//! world in memory with virtual time (`memory`, behind the cargo feature of that name), whose nodes a test may crash,
//! cut off and skew. Lints ban every other door in the crates above and name this one.
//!
//! ```
//! # use std::time::Duration;
//! async fn remind(env: world::Env) -> &'static str {
//!     env.sleep(Duration::from_secs(3600)).await;
//!     "time to go"
//! }
//!
//! let world = world::memory::World::new(1);
//! assert_eq!(world.run(remind(world.node("kitchen"))), "time to go"); // at once
//! assert_eq!(world.now(), Duration::from_secs(3600));
//! ```
//!
//! # Reading order
//!
//! | file | what is in it |
//! |---|---|
//! | `env.rs` | [`Env`], and the private trait each world implements for its nodes |
//! | `time.rs`, `random.rs`, `task.rs` | what its calls return; [`first`] of two futures |
//! | `detector.rs`, `hybrid.rs` | pure: how much a silent peer is suspected, timestamps in causal order |
//! | `network.rs`, `byte_stream.rs` | bytes: [`Network`], [`Listener`], [`Stream`]; [`ByteStream`] for hyper |
//! | `transport.rs` | messages: [`Transport`], which `wire` implements over streams, and a simulator over events |
//! | `disk.rs` | [`Disk`], [`File`] |
//! | `process.rs` | [`Processes`]: other programs, which only the real world has |
//! | `production.rs`, `memory.rs` | the two worlds |
//! | `foreign_clock.rs` | what a simulator need not accuse a library of |
//!
//! # What a world promises
//!
//! `tests/contract` holds both to it: a sleep never ends early; a timeout lets a ready future win; a task's panic is a
//! value and a cancelled task is dropped; sources of random numbers are independent; bytes of a stream arrive in order
//! or the stream fails; a stream holds a bounded number of bytes; what was synced to disk is there after a crash.
//!
//! # What it is not
//!
//! It knows no message format, no component, no engine. Engines that open sockets of their own, and so live outside the
//! simulator, are listed here: PostgreSQL (tokio-postgres, in `database`), and SMTP where TLS begins with the connection
//! (`smtps://`, lettre, in `jobs`); `smtp://` goes through [`Network`].

mod byte_stream;
mod detector;
mod disk;
mod env;
pub mod foreign_clock;
mod hybrid;
#[cfg(feature = "memory")]
pub mod memory;
mod network;
mod probe;
mod process;
pub mod production;
mod random;
mod task;
mod time;
mod transport;

pub use byte_stream::ByteStream;
pub use detector::{Detector, PhiAccrual, PhiSettings, Suspicion, Timeout};
pub use disk::{Disk, File, SqlitePlace};
pub use env::Env;
pub use hybrid::{Ahead, HybridClock, Timestamp, Unbounded, wait_until_past};
pub use network::{Address, BoxFuture, Listener, Network, Stream};
pub use probe::Probe;
pub use process::{KeptFrom, LINE_BYTES_MAX, Process, Processes, Program, Said};
pub use random::Random;
pub use task::{First, Task, TaskLost, first, panic_message};
pub use time::{Elapsed, Every, Instant, Interval, Sleep, Wall};
pub use transport::{
    ConnectError, Dispatch, Door, Execution, Lost, Reply, ReplyKind, Service, Session, StartError, Ticket, Transport,
};
