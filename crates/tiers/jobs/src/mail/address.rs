//! Reads the addresses of a message.

use lettre::message::Mailbox;

use super::MessageError;
use super::error::shown;

/// Bytes of an address with its name, at most.
const ADDRESS_BYTES_MAX: usize = 1_000;

/// `name@example.org` or `Name <name@example.org>`.
pub(super) fn mailbox(field: &'static str, value: &str) -> Result<Mailbox, MessageError> {
    let wrong = |problem: String| MessageError::Address {
        field,
        value: shown(value),
        problem,
    };
    one_line(field, value)?;
    if value.len() > ADDRESS_BYTES_MAX {
        return Err(wrong(format!(
            "it has {} bytes, and {ADDRESS_BYTES_MAX} are the most",
            value.len()
        )));
    }
    value.parse::<Mailbox>().map_err(|error| wrong(error.to_string()))
}

/// A header is one line: whoever may put a line break into it may write headers of their own.
pub(super) fn one_line(field: &'static str, value: &str) -> Result<(), MessageError> {
    // Line and paragraph separators are no controls; some programs break lines at them.
    match value.contains(|letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')) {
        true => Err(MessageError::Control {
            field,
            value: shown(value),
        }),
        false => Ok(()),
    }
}
