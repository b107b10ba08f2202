//! A client that speaks just enough HTTP, so that a test also sees what a library would hide.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;

/// Somebody with a token, or without.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) token: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, each name with its value.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it says where it ends.
    fn is_delimited(&self) -> bool {
        self.header("content-length").is_some() || self.header("transfer-encoding").is_some()
    }

    /// The body, where the status is the one that is promised.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(
            self.status,
            status,
            "{:?} {}",
            self.headers,
            String::from_utf8_lossy(&self.body)
        );
        self
    }
}

impl Client {
    pub(crate) fn new(address: &str, token: Option<String>) -> Client {
        Client {
            address: address.to_owned(),
            token,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], None)
    }

    /// The answer, which must come.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_ask(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The answer, or why there is none.
    pub(crate) fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> std::io::Result<Answer> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.address
        );
        if let Some(token) = &self.token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            let typed = headers.iter().any(|(name, _)| *name == "content-type");
            let kind = if typed {
                ""
            } else {
                "content-type: application/json\r\n"
            };
            head += &format!("{kind}content-length: {}\r\n", body.len());
        }
        raw(
            &self.address,
            format!("{head}\r\n").as_bytes(),
            body.unwrap_or_default(),
        )
    }
}

/// The answer to these bytes.
pub(crate) fn raw(address: &str, head: &[u8], body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(head)?;
    // Whoever refuses a body may answer before all of it has come, and that is what is read then.
    let sent = stream.write_all(body).and_then(|()| stream.flush());
    let (mut answer, mut part) = (Vec::new(), [0; 16 << 10]);
    let read = loop {
        match stream.read(&mut part) {
            Ok(0) => break Ok(()),
            Ok(bytes) => answer.extend_from_slice(&part[..bytes]),
            Err(error) => break Err(error),
        }
        // A connection may stay open after an answer that says its own length.
        if let Some(answer) = parsed(&answer).filter(Answer::is_delimited) {
            return Ok(answer);
        }
    };
    let _ = stream.shutdown(Shutdown::Both);
    match parsed(&answer) {
        Some(answer) => Ok(answer),
        None => {
            sent.and(read)?;
            let text = String::from_utf8_lossy(&answer).into_owned();
            Err(std::io::Error::other(format!("half an answer: {text}")))
        }
    }
}

fn parsed(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &answer[end + 4..];
    let value = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let body = match (value("transfer-encoding"), value("content-length")) {
        (Some("chunked"), _) => chunks(rest)?,
        (_, Some(length)) => rest.get(..length.parse().ok()?)?.to_vec(),
        _ => rest.to_vec(),
    };
    Some(Answer { status, headers, body })
}

/// The chunks of a body, if its last one is there (RFC 9112, section 7.1).
fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// Asks until `found` has something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(begun.elapsed() < SOON, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The messages in the mailbox, by the operator's pages; `admin` is an address that was not used yet.
pub(crate) struct Mailbox {
    address: String,
    cookie: String,
}

impl Mailbox {
    pub(crate) fn open(admin: &str) -> Mailbox {
        let rest = admin.strip_prefix("http://").expect("an address");
        let (address, path) = rest.split_once('/').expect("a path");
        let client = Client::new(address, None);
        let entered = client.ask("GET", &format!("/{path}"), &[], None).is(303);
        let cookie = entered
            .header("set-cookie")
            .expect("a session")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        Mailbox {
            address: address.to_owned(),
            cookie,
        }
    }

    pub(crate) fn messages(&self) -> Vec<Value> {
        let client = Client::new(&self.address, None);
        let headers = [("cookie", self.cookie.as_str()), ("accept", "application/json")];
        let answer = client.ask("GET", "/mailbox", &headers, None).is(200).json();
        answer.as_array().expect("a list").clone()
    }
}
