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

//!
//! # Assumed world and promise
//!
//! [`Mail`] keeps messages in the component's own database, as jobs of the kind [`KIND`].
//!
//! | assumed | promised |
//! |---|---|
//! | processes crash and come back, connections break at any point, answers are lost; the database keeps what it took | a message whose transaction was kept is accepted by the server, kept in the mailbox, or parked with the server's words: none is lost; none is sent before its time |
//! | the same | each repeat has the same `Message-ID` and the same bytes; a message is sent again only when the worker ended, or the answer was lost, before our commit of it, and then [`Posted::repeats`] counts it |
//! | a mailbox instead of a server | each message is there once, for 30 days and as long as it is among the newest 1,000 |
//! | recipients are refused, some or all | the others have it once; those refused for now are asked again, those for good are named in the parked job |
//!
//! The note that an attempt begins is committed before the server hears of the message, and its end after the server's
//! answer: a note without an end is an attempt of which nothing is known. So `repeats` counts each message that may have
//! come twice, and also one whose worker ended before the server had it.
//!
//! # What it is not
//!
//! A server that accepted a message may still lose it, or answer later that it could not deliver it: that comes as mail to
//! the sender. A message is at most as large as a job's payload, 1 MiB.

mod address;
mod attempt;
mod error;
mod message;
mod post;
mod rendered;
mod smtp;
mod tables;

#[cfg(test)]
mod tests;

pub use error::{MessageError, SendError, SmtpError};
pub use message::{Draft, MESSAGE_BYTES_MAX, Message, RECIPIENTS_MAX};
pub use post::{
    Config, Engine, KIND, LONGEST, MAILBOX_BYTES_MAX, MAILBOX_KEEP, MAILBOX_MESSAGES_MAX, MAILS_BACKOFF, Mail, MailId,
    Posted, Received,
};
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
