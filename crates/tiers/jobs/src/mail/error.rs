//! What can be wrong with a message, a server's address, and an attempt to send.

use super::message::{MESSAGE_BYTES_MAX, RECIPIENTS_MAX};

/// Why something is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A field should hold an address, and does not.
    #[error("`{value}` in `{field}` is no address: {problem}; write `name@example.org` or `Name <name@example.org>`")]
    Address {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A header would end in its middle, and the rest would be read as another one.
    #[error("`{field}` has a line break or another control character: `{value}`; take it out")]
    Control {
        /// The field.
        field: &'static str,
        /// What it holds, shortened and escaped.
        value: String,
    },
    /// Nobody is to get it.
    #[error("the message has no recipient; add one by `to`, `cc` or `bcc`")]
    NoRecipient,
    /// Too many are to get it at once.
    #[error("the message has {count} recipients, and {RECIPIENTS_MAX} are the most; send several messages")]
    TooManyRecipients {
        /// How many.
        count: usize,
    },
    /// It has nothing to read.
    #[error("the message has neither text nor HTML; add one by `text` or `html`")]
    NoBody,
    /// It is too large for most servers.
    #[error("the message has {bytes} bytes, and {MESSAGE_BYTES_MAX} are the most; send a link to what is large")]
    TooLarge {
        /// The bytes of all its fields.
        bytes: usize,
    },
    /// Not what a `Message-ID` looks like.
    #[error("`{value}` is no message id; write `unique@example.org` in visible ASCII, without brackets")]
    MessageId {
        /// What was given, shortened.
        value: String,
    },
    /// No header can say this date.
    #[error("{micros} microseconds since 1970 is no date for a message; it must lie between the years 1970 and 9999")]
    Date {
        /// What was given.
        micros: i64,
    },
    /// The library that writes messages does not take this one.
    #[error("the message cannot be written: {problem}")]
    Unwritable {
        /// What it said.
        problem: String,
    },
}

/// Why an attempt to send did not end with the server's word for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Certainly not accepted: somebody said no.
    #[error("refused{}: {text}; {}", numbered(.code), if *.permanent { "to try again is useless" } else { "try again later" })]
    Refused {
        /// Whether to try the same again is useless.
        permanent: bool,
        /// The server's code (RFC 5321, section 4.2); none where we refused, before we asked the server.
        code: Option<u16>,
        /// Who said no to what, in their words.
        text: String,
    },
    /// Certainly not accepted: the server was not there, or never had the whole message.
    #[error("the mail server was not reached: {text}; nothing was sent, try again later")]
    Unreachable {
        /// What was seen.
        text: String,
    },
    /// Perhaps accepted: all was sent, and the answer was lost.
    #[error("the mail server had the whole message, and its answer was lost: {text}; a repeat may be the second")]
    Unknown {
        /// What was seen.
        text: String,
    },
}

/// Why something is no mail server's address. The text never shows a user or password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// Neither `smtp://host:port` nor `smtps://host:port`.
    #[error(
        "`{url}` is no mail server: {problem}; write `smtp://mail.example.org:587`, or `smtps://mail.example.org:465` for TLS from the first byte"
    )]
    Url {
        /// What was given, without what is in front of an `@`.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What should be trusted is no certificate.
    #[error(
        "the authority to trust is no certificate: {problem}; give it in PEM, as it begins with -----BEGIN CERTIFICATE-----"
    )]
    Authority {
        /// What is wrong with it.
        problem: String,
    },
}

fn numbered(code: &Option<u16>) -> String {
    code.map(|code| format!(" with {code}")).unwrap_or_default()
}

/// Bounded, without control characters.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
