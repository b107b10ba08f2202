//! What whoever serves HTTP by hyper needs of a node: its clock, its tasks, a socket, and how to part from a peer that is
//! still sending.

pub mod linger;
mod node;

pub use self::node::{Clock, Socket, Tasks};

/// The smallest read buffer that hyper takes, in bytes.
pub const READ_BYTES_MIN: usize = 8 * 1024;

/// The bytes by which an HTTP/2 connection with prior knowledge begins; no HTTP/1 request begins so (RFC 9113, 3.4).
pub const HTTP2_PREFACE: &[u8] = b"PRI ";
