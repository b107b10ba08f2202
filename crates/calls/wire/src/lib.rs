//! Frames, hello, shapes, codecs and the HTTP face between processes.

pub mod codec;
pub mod compatibility;
mod digest;
mod error;
pub mod interface;
pub mod shape;

pub use crate::codec::{Codec, CodecError, Limits, decode, encode};
pub use crate::digest::digest;
pub use crate::error::{CallError, CallErrorKind, ErrorCode, Ran};
pub use crate::interface::{Interface, Marks, Method};
pub use crate::shape::{Foreign, Shape};
