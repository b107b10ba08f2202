//! Which host a request is for. Whatever comes after this finds one `Host`, by HTTP/2 as well.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request, Version};

use crate::refusal::Refusal;

/// Refuses a request that does not say plainly which host it is for (RFC 9112, 3.2).
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let asked = request.uri().authority().map(Authority::as_str);
    let mut given = request.headers().get_all(HOST).iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(Refusal::TwoHosts);
    }
    let first = first
        .map(|value| value.to_str().map_err(|_| Refusal::BadHost))
        .transpose()?;
    match (first, asked) {
        (Some(given), _) if !is_host(given) => Err(Refusal::BadHost),
        (_, Some(asked)) if !is_host(asked) => Err(Refusal::BadHost),
        (Some(given), Some(asked)) if !given.eq_ignore_ascii_case(asked) => Err(Refusal::OtherHost),
        (Some(_), _) => Ok(()),
        (None, Some(asked)) => {
            let value = HeaderValue::from_str(asked).map_err(|_| Refusal::BadHost)?;
            request.headers_mut().insert(HOST, value);
            Ok(())
        }
        // Those of before 1997 say none.
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        (None, None) => Err(Refusal::NoHost),
    }
}

/// Whether `text` is a name or address, with or without a port, and nothing else.
pub(crate) fn is_host(text: &str) -> bool {
    let (name, port) = split(text);
    let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    is_port && is_name(name)
}

/// The name and the port of a host.
pub(crate) fn split(host: &str) -> (&str, Option<&str>) {
    let after = host.rfind(']').map_or(0, |at| at + 1);
    match host[after..].find(':') {
        Some(at) => (&host[..after + at], Some(&host[after + at + 1..])),
        None => (host, None),
    }
}

fn is_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=253).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for good in [
            "a",
            "localhost:8080",
            "todo.example",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:443",
            "x_1.local",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "", ":80", "a:", "a:b", "a:65536", "a:+1", "a@b", "a/b", "a b", "[::1", "::1", "[a]", "a:1:2", "é", "<a>",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
