//! Addresses of tiers and of external components. A password that stands in one is taken out before anything can print it, and no message here
//! repeats what it could not read.

use std::path::Path;

use super::nearest::nearest;
use super::secret::Secret;

/// An address without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// The address as it may be printed.
    pub(super) url: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
}

const DATABASES: &[&str] = &["sqlite:", "postgres://", "postgresql://"];
const MAILS: &[&str] = &["mailbox", "smtp://", "smtps://"];
/// Programs that are components; `https` is refused, and not shown with a password in it.
const EXTERNALS: &[&str] = &["http://", "https://"];

/// The parameter that is a password for PostgreSQL's own library (its manual, "Connection URIs").
const PASSWORD_PARAMETER: &str = "password";

/// `text` as the address of a database; a relative folder of SQLite begins at `folder`.
pub(super) fn database(text: &str, folder: &Path) -> Result<Url, String> {
    if let Some(directory) = text.strip_prefix("sqlite:") {
        return sqlite(directory, folder);
    }
    match DATABASES[1..]
        .iter()
        .find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?)))
    {
        Some((scheme, rest)) => authority(scheme, rest),
        None => Err(unknown(text, DATABASES, "sqlite:data or postgres://user@host/database")),
    }
}

/// `text` as the address of a mail server; the user in it is taken out, too.
pub(super) fn mail(text: &str) -> Result<Url, String> {
    if text == "mailbox" {
        return Ok(plain(text.to_owned()));
    }
    let Some((scheme, rest)) = MAILS[1..]
        .iter()
        .find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?)))
    else {
        return Err(unknown(text, MAILS, "mailbox or smtp://host:port"));
    };
    let mut read = authority(scheme, rest)?;
    let rest = read.url[scheme.len()..].to_owned();
    if let Some((user, rest)) = rest.split_once('@') {
        read.user = Some(decoded(user)?);
        read.url = format!("{scheme}{rest}");
    }
    Ok(read)
}

/// An address as it may be shown, and whether a password is not; none, if it cannot be read.
pub(super) fn shown(text: &str) -> Option<(String, bool)> {
    if text == "mailbox" || text.starts_with("sqlite:") {
        return Some((text.to_owned(), false));
    }
    let schemes = DATABASES[1..].iter().chain(&MAILS[1..]).chain(EXTERNALS);
    let (scheme, rest) = schemes
        .into_iter()
        .find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?)))?;
    let read = authority(scheme, rest).ok()?;
    Some((read.url, read.password.is_some()))
}

fn plain(url: String) -> Url {
    Url {
        url,
        user: None,
        password: None,
    }
}

fn sqlite(directory: &str, folder: &Path) -> Result<Url, String> {
    if directory.is_empty() || directory.starts_with("//") || directory.contains(char::is_control) {
        return Err("write sqlite: and a folder, such as sqlite:data or sqlite:/var/lib/shop".to_owned());
    }
    let path = folder.join(directory);
    match path.to_str() {
        Some(path) => Ok(plain(format!("sqlite:{path}"))),
        None => Err(format!(
            "the folder of the configuration, `{}`, is not UTF-8; give an absolute path, such as sqlite:/var/lib/shop",
            folder.display()
        )),
    }
}

/// `rest` is what follows `://`: `user:password@host:port/name?parameter=value` (RFC 3986, section 3.2).
fn authority(scheme: &str, rest: &str) -> Result<Url, String> {
    const ODD: &str = "the address cannot be read as scheme://user@host:port/name; write %40, %2F, %3A for `@`, `/`, `:` \
                       in a name, or keep the secret outside, in `password`";
    let odd = || ODD.to_owned();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // An `@` that follows may be that of a password with a `/` in it, which would then be printed.
    if path.contains(['@', '#']) || rest.contains(|letter: char| letter.is_control() || letter.is_whitespace()) {
        return Err(odd());
    }
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, authority),
    };
    if !hosts.split(',').all(is_host) {
        return Err(odd());
    }
    let (user, mut password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
        Some((user, "")) => (Some(user), None),
        Some((user, password)) => (Some(user), Some(decoded(password)?)),
        None => (None, None),
    };
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let mut kept = Vec::new();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(odd)?;
        match decoded(name)? == PASSWORD_PARAMETER {
            true => password = Some(decoded(value)?),
            false => kept.push(parameter),
        }
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let question = if kept.is_empty() { "" } else { "?" };
    Ok(Url {
        url: format!("{scheme}{user}{hosts}{path}{question}{}", kept.join("&")),
        user: None,
        password: password.map(Secret::new),
    })
}

/// A host with its port, if it has one; an empty host is that of a socket's folder in a parameter.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').map(|host| host.split_once(']')) {
        Some(Some((name, port))) => (name, port.strip_prefix(':').or(port.is_empty().then_some("0"))),
        Some(None) => return false,
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let plain = !name.contains(['[', ']', '@']);
    plain && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The letters that `%2F` and its like stand for (RFC 3986, section 2.1).
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("a `%` in the address is not followed by two hexadecimal digits; write %25 for it".to_owned());
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "letters of the address that are written with `%` are not UTF-8".to_owned())
}

/// What was given is not repeated: it may be a secret, or half of a table with one.
fn unknown(text: &str, schemes: &[&str], examples: &str) -> String {
    if text.starts_with('{') {
        return "it begins like a table and is none; close every quote and brace of it".to_owned();
    }
    let end = text.find("://").map(|at| at + 3).or_else(|| Some(text.find(':')? + 1));
    let scheme = &text[..end.unwrap_or(text.len())];
    match nearest(scheme, schemes.iter().copied()) {
        Some(near) => format!("its scheme is unknown; did you mean `{near}`?"),
        None => format!("it is no address that is known here; write {examples}"),
    }
}
