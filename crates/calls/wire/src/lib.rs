//! Frames, hello, shapes, codecs and the HTTP face between processes, from both sides.

pub mod answer;
mod callee;
mod caller;
pub mod codec;
pub mod compatibility;
mod digest;
mod error;
pub mod external;
pub mod face;
pub mod frame;
pub mod head;
pub mod hello;
pub mod http;
pub mod interface;
pub mod limits;
mod outbox;
pub mod release;
pub mod shape;
mod signal;
mod tcp;

pub use crate::codec::{Codec, CodecError, Limits, decode, encode};
pub use crate::digest::digest;
pub use crate::error::{CallError, CallErrorKind, ErrorCode, Ran};
pub use crate::external::{External, ExternalLimits, Origin, OriginError, Whereabouts};
pub use crate::face::{Face, FaceLimits, Token, TokenError, Trust};
pub use crate::hello::Hello;
pub use crate::interface::{Interface, Marks, Method};
pub use crate::shape::{Foreign, Shape};
pub use crate::signal::Signal;
pub use crate::tcp::{ServeError, Tcp};
