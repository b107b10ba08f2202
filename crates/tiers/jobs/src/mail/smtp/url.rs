//! Reads `smtp://host:port`.

use std::net::IpAddr;

use super::Security;
use crate::mail::SmtpError;
use crate::mail::error::shown;

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

pub(super) fn read(url: &str) -> Result<Server, SmtpError> {
    let wrong = |problem: &'static str| SmtpError::Url {
        url: without_login(url),
        problem,
    };
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| wrong("it has no `smtp://` or `smtps://` in front"))?;
    let at_once = match scheme {
        "smtp" => false,
        "smtps" => true,
        _ => return Err(wrong("it begins with neither `smtp://` nor `smtps://`")),
    };
    let place = rest.strip_suffix('/').unwrap_or(rest);
    if place.contains('@') {
        return Err(wrong("user and password are given apart from it"));
    }
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) if host.parse::<IpAddr>().is_ok() => {
            (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some(rest)))
        }
        Some(_) => return Err(wrong("there is no IPv6 address in its brackets")),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let letters = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
    if host.is_empty() || !host.chars().all(letters) {
        return Err(wrong("it has no host name"));
    }
    let port = match port {
        None if at_once => 465,
        None => 587,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(wrong("its port is no number from 1 to 65535")),
        },
    };
    let security = match (at_once, loopback(host)) {
        (true, _) => Security::AtOnce,
        (false, true) => Security::Loopback,
        (false, false) => Security::Required,
    };
    Ok(Server {
        host: host.to_owned(),
        port,
        security,
    })
}

/// Names are not looked up: only what is this machine whatever a name server says.
fn loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Messages go into logs, and passwords do not.
fn without_login(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("…@{}", shown(host)),
        None => shown(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> (String, u16, Security) {
        let Server { host, port, security } = read(url).expect("a server");
        (host, port, security)
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        let host = "mail.example.org".to_owned();
        assert_eq!(
            server("smtp://mail.example.org"),
            (host.clone(), 587, Security::Required)
        );
        assert_eq!(
            server("smtps://mail.example.org/"),
            (host.clone(), 465, Security::AtOnce)
        );
        assert_eq!(server("smtp://mail.example.org:25"), (host, 25, Security::Required));
        assert_eq!(
            server("smtp://10.0.0.1:25"),
            ("10.0.0.1".to_owned(), 25, Security::Required)
        );
        assert_eq!(
            server("smtp://127.0.0.1:2525"),
            ("127.0.0.1".to_owned(), 2525, Security::Loopback)
        );
        assert_eq!(
            server("smtp://localhost:25"),
            ("localhost".to_owned(), 25, Security::Loopback)
        );
        assert_eq!(server("smtp://[::1]:25"), ("::1".to_owned(), 25, Security::Loopback));
        assert_eq!(
            server("smtp://[2001:db8::1]"),
            ("2001:db8::1".to_owned(), 587, Security::Required)
        );
    }

    #[test]
    fn a_wrong_url_is_named_with_a_right_one_and_without_its_password() {
        for url in [
            "",
            "mail.example.org:25",
            "http://mail.example.org",
            "smtp://",
            "smtp://:25",
            "smtp://a b:25",
            "smtp://host:0",
            "smtp://host:99999",
            "smtp://host:25/path",
            "smtp://[::1:25",
            "smtp://[::1]25x",
            "smtp://me:secret@host:25",
            "me:secret@host",
        ] {
            let said = read(url).expect_err(url).to_string();
            assert!(said.contains("write `smtp://mail.example.org:587`"), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
