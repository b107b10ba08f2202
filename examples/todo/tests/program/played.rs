//! A server that a test plays: calendars, Facebook, and such as mean harm.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// What somebody asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// With its query.
    pub(crate) path: String,
    /// In lower case, each name with its value.
    headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// A body that does not end.
    Endless,
    /// Nothing, for as long as anybody waits.
    Silence,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        if let Reply::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// The server; it ends with the test.
pub(crate) struct Played {
    /// Host and port.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

impl Played {
    /// Answers whoever asks, each on a thread of its own.
    pub(crate) fn open(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let played = Played {
            address: listener.local_addr().expect("it is bound").to_string(),
            asked: Arc::default(),
            over: Arc::default(),
        };
        let (asked, over, answer) = (played.asked.clone(), played.over.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer) = (asked.clone(), answer.clone());
                std::thread::spawn(move || {
                    // Whoever was killed has gone without its answer.
                    let _ = serve(stream, &asked, &*answer);
                });
            }
        });
        played
    }

    /// What was asked of addresses that begin so.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|one| one.path.starts_with(path)).cloned().collect()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(&self.address));
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Reply) -> std::io::Result<()> {
    let asked = read(&mut stream)?;
    let reply = answer(&asked);
    all.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    match reply {
        Reply::Answer { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} As-Played\r\nconnection: close\r\n");
            // What a 304 says of a length is that of what it stands for.
            if status != 304 {
                head += &format!("content-length: {}\r\n", body.len());
            }
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            stream.write_all(&body)
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nBEGIN:VCALENDAR\r\n")?;
            loop {
                stream.write_all(&[b'X'; 16 << 10])?;
            }
        }
        Reply::Silence => stream.read(&mut [0; 1]).map(drop),
    }
}

fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4 << 10]);
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut part)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read if bytes.len() + read > REQUEST_BYTES_MAX => return Err(std::io::ErrorKind::InvalidData.into()),
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Ok(Asked {
        path: path.to_owned(),
        headers: headers.collect(),
    })
}
