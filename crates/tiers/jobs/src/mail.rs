//! Mail: a message, how it looks on the wire, and who carries it.
//!
//! A [`Message`] is checked when it is built, so that it can lie in a queue for days and is still right. [`render`] makes
//! its bytes from the message, its id and its date alone: a repeat is the same to the last byte, and the programs of its
//! readers drop it by its `Message-ID` (RFC 5322, section 3.6.4). A [`Carrier`] takes the bytes on; [`Smtp`] is the one
//! that speaks to a server.
//!
//! # What is known after an attempt
//!
//! | answer | the server | what to do |
//! |---|---|---|
//! | [`Accepted`] | has it, for all but the refused | keep; [`Rendered::only`] for those that may be asked again |
//! | [`SendError::Refused`] | has it not, and said so | try again unless it is permanent |
//! | [`SendError::Unreachable`] | has it not: it was not there, or never had the whole message | try again |
//! | [`SendError::Unknown`] | has it, or has not: its answer was lost | try again, and count it: a reader may see it twice |

mod address;
mod error;
mod message;
mod rendered;
mod smtp;

#[cfg(test)]
mod tests;

pub use error::{MessageError, SendError, SmtpError};
pub use message::{Draft, MESSAGE_BYTES_MAX, Message, RECIPIENTS_MAX};
pub use rendered::{Rendered, render};
pub use smtp::{COMMAND_MAX, CONNECT_MAX, CONTENT_MAX, QUIT_MAX, Smtp};

use world::{BoxFuture, Env};

/// Takes a message on towards its recipients.
pub trait Carrier: Send + Sync {
    /// One attempt. Its answer says what is known; an attempt that is dropped leaves that unknown.
    fn send<'a>(&'a self, env: &'a Env, mail: &'a Rendered) -> BoxFuture<'a, Result<Accepted, SendError>>;
}

/// The server has the message, and answers for it from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What it said, for the record.
    pub text: String,
    /// Recipients that it did not take, while it took others. It has the message for all that are not here.
    pub refused: Vec<RefusedRecipient>,
}

/// A recipient that a server did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// The address.
    pub address: String,
    /// Whether to ask again is useless.
    pub permanent: bool,
    /// The server's code (RFC 5321, section 4.2).
    pub code: u16,
    /// The server's words.
    pub text: String,
}
