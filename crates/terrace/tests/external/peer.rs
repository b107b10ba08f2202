//! A program that plays a script.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io::IoSlice;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use terrace::{Address, Env};
use world::Stream;

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum Play {
    /// This is written, and the connection stays.
    Answer(String),
    /// This is written, and the connection ends.
    End(String),
    /// Nothing is written until the caller gives up.
    Silence,
}

/// `200` with this JSON.
pub fn ok(json: &str) -> Play {
    Play::Answer(answer("200 OK", "content-type: application/json\r\n", json))
}

/// A status with headers and a body.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What came of it so far.
#[derive(Clone, Default)]
pub struct Peer {
    plays: Arc<Mutex<VecDeque<Play>>>,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<u32>>,
    given_up: Arc<Mutex<u32>>,
}

impl Peer {
    /// Serves at port 80 of `env`'s node. A request for which no play is left is not answered.
    pub async fn serve(env: &Env, plays: Vec<Play>) -> Peer {
        let peer = Peer::default();
        peer.plays.lock().unwrap().extend(plays);
        let at = Address::new(format!("{}:80", env.node()));
        let listener = env.network().listen(&at).await.expect("it listens");
        let (node, serving) = (env.clone(), peer.clone());
        let accept = async move {
            while let Ok(stream) = listener.accept().await {
                *serving.connections.lock().unwrap() += 1;
                let serving = serving.clone();
                drop(node.spawn("connection", async move { serving.connection(&*stream).await }));
            }
        };
        drop(env.spawn("accept", accept));
        peer
    }

    /// Each request whole, as it was sent.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> u32 {
        *self.connections.lock().unwrap()
    }

    /// Connections that the caller ended while an answer was due.
    pub fn given_up(&self) -> u32 {
        *self.given_up.lock().unwrap()
    }

    async fn connection(&self, stream: &dyn Stream) {
        let mut read = BytesMut::with_capacity(1 << 16);
        while let Some(request) = request(stream, &mut read).await {
            self.requests.lock().unwrap().push(request);
            let play = self.plays.lock().unwrap().pop_front();
            match play.unwrap_or(Play::Silence) {
                Play::Answer(answer) => write(stream, answer.as_bytes()).await,
                Play::End(answer) => return write(stream, answer.as_bytes()).await,
                Play::Silence => {
                    let ended = poll_fn(|cx| stream.poll_read(cx, &mut read)).await;
                    if matches!(ended, Ok(0) | Err(_)) {
                        *self.given_up.lock().unwrap() += 1;
                        return;
                    }
                    pending::<()>().await;
                }
            }
        }
    }
}

/// The next request; nothing, if the caller has ended the connection.
async fn request(stream: &dyn Stream, read: &mut BytesMut) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                drop(read.split_to(head.len() + 4 + length));
                return Some(format!("{head}\r\n\r\n{}", &body[..length]));
            }
        }
        read.reserve(1 << 12);
        match poll_fn(|cx| stream.poll_read(cx, read)).await {
            Ok(bytes) if bytes > 0 => {}
            _ => return None,
        }
    }
}

async fn write(stream: &dyn Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes)])).await {
            Ok(written) => bytes = &bytes[written..],
            Err(_) => return,
        }
    }
}
