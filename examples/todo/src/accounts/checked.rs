//! What people write into the fields of an account, made right or refused.

use terrace::jobs::mail::Message;

use super::{AccountError, PASSWORD_MAX, PASSWORD_MIN};
use crate::hidden::Hidden;

/// Bytes of an address (RFC 5321, section 4.5.3.1.3, without the brackets).
const EMAIL_BYTES_MAX: usize = 254;

/// Characters of the name of an API token.
const NAME_MAX: usize = 100;

/// The time zone of who says none that is known.
const UTC: &str = "UTC";

/// An address of which mail can be sent, in lower case.
pub(super) fn email(text: &str) -> Result<String, AccountError> {
    let email = text.trim().to_lowercase();
    let plain = email.len() <= EMAIL_BYTES_MAX && !email.contains(['<', '>', ',', '"', '(', ')']);
    let message = Message::builder("todo@localhost").to(email.clone()).text("-").build();
    match plain && !email.contains(char::is_whitespace) && message.is_ok() {
        true => Ok(email),
        false => Err(invalid(
            "email",
            "write an address such as ada@example.org, of at most 254 bytes",
        )),
    }
}

pub(super) fn password(password: &Hidden) -> Result<(), AccountError> {
    let count = password.reveal().chars().count();
    match (PASSWORD_MIN..=PASSWORD_MAX).contains(&count) {
        true => Ok(()),
        false => Err(invalid("password", "choose one of 10 to 200 characters")),
    }
}

/// A time zone that a person chose.
pub(super) fn zone(text: &str) -> Result<String, AccountError> {
    match text.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err(invalid("zone", "write an IANA name such as Europe/Berlin, or UTC")),
    }
}

/// A time zone that a browser says.
pub(super) fn zone_or_utc(text: &str) -> String {
    zone(text).unwrap_or_else(|_| UTC.to_owned())
}

pub(super) fn name(text: &str) -> Result<String, AccountError> {
    let name = text.trim();
    let count = name.chars().count();
    match (1..=NAME_MAX).contains(&count) && !name.contains(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(invalid("name", "write 1 to 100 characters in one line")),
    }
}

fn invalid(field: &str, reason: &str) -> AccountError {
    AccountError::Invalid {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{email, name, password, zone, zone_or_utc};
    use crate::hidden::Hidden;

    #[test]
    fn an_address_is_one_or_is_refused() {
        assert_eq!(email(" Ada@Example.ORG "), Ok("ada@example.org".to_owned()));
        for wrong in [
            "",
            "ada",
            "@",
            "a@",
            "a b@c.d",
            "a@b\r\nBcc: c@d",
            "Ada <a@b.c>",
            "a@b,c@d",
            "a@b\0",
        ] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
        assert!(email(&format!("{}@example.org", "x".repeat(300))).is_err());
    }

    #[test]
    fn passwords_zones_and_names_keep_to_their_limits() {
        assert!(password(&Hidden::new("x".repeat(9))).is_err());
        assert!(password(&Hidden::new("ü".repeat(10))).is_ok());
        assert!(password(&Hidden::new("x".repeat(201))).is_err());
        assert_eq!(zone("Europe/Berlin"), Ok("Europe/Berlin".to_owned()));
        assert!(zone("Mars/Olympus").is_err());
        assert_eq!(zone_or_utc("<script>"), "UTC");
        assert!(name(" \n").is_err() && name("a\u{7}").is_err() && name(&"x".repeat(101)).is_err());
        assert_eq!(name(" phone "), Ok("phone".to_owned()));
    }
}
