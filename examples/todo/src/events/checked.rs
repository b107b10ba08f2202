//! What people write into the fields of a source, made right or refused.

use super::happening::title;
use super::{EventError, NAME_MAX};

/// Bytes of an address (the outgoing requests' own limit).
pub(super) use crate::outgoing::ADDRESS_BYTES_MAX as URL_BYTES_MAX;

pub(super) fn invalid(field: &str, reason: impl Into<String>) -> EventError {
    EventError::Invalid {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

/// An address, as far as its text says.
pub(super) fn url(text: &str) -> Result<String, EventError> {
    let url = text.trim();
    if url.is_empty() || url.len() > URL_BYTES_MAX || url.contains(char::is_control) {
        return Err(invalid(
            "url",
            format!("write an address of 1 to {URL_BYTES_MAX} bytes, such as https://example.org/calendar.ics"),
        ));
    }
    Ok(url.to_owned())
}

pub(super) fn name(text: &str) -> Result<String, EventError> {
    let name = text.trim();
    let count = name.chars().count();
    match (1..=NAME_MAX).contains(&count) && !name.contains(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(invalid("name", format!("write 1 to {NAME_MAX} characters in one line"))),
    }
}

/// What a source calls itself, as a name.
pub(super) fn said(text: &str) -> String {
    title(text).chars().take(NAME_MAX).collect()
}
