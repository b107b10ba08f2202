//! The only door outside: time, randomness, network, disk, tasks.

mod byte_stream;
mod disk;
mod env;
mod network;
pub mod production;
mod random;
mod task;
mod time;
mod transport;

pub use byte_stream::ByteStream;
pub use disk::{Disk, File, SqlitePlace};
pub use env::Env;
pub use network::{Address, BoxFuture, Listener, Network, Stream};
pub use random::Random;
pub use task::{Task, TaskLost};
pub use time::{Elapsed, Every, Instant, Interval, Sleep, Wall};
pub use transport::{
    ConnectError, Dispatch, Door, Execution, Lost, Reply, ReplyKind, Service, Session, StartError, Ticket, Transport,
};
