//! A shop that is open, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;
use crate::place::Place;

pub(crate) const SHOP: &str = env!("CARGO_BIN_EXE_shop");

/// Lines that a shop says and nobody has read.
const LINES_MAX: usize = 10_000;

/// A shop that serves; it is killed with the test.
pub(crate) struct Shop {
    child: Child,
    pub(crate) address: String,
    said: Receiver<String>,
}

impl Shop {
    /// Opens a shop that stands still at a point, if there is one.
    pub(crate) fn open(place: &Place, stops_at: Option<&str>) -> Shop {
        let mut command = Command::new(SHOP);
        command
            .args(["serve", "--service-listen", "127.0.0.1:0", "--log-level", "warn"])
            .args(["--set", "tiers.jobs.lease=1s", "--set", "tiers.jobs.poll=50ms"])
            .arg("--set")
            .arg(format!("tiers.database={}", place.database))
            .current_dir(&place.folder)
            .env_remove("SHOP_STOPS_AT")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(point) = stops_at {
            command.env("SHOP_STOPS_AT", point);
        }
        let mut child = command.spawn().expect("the shop runs");
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (says, said) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                // What nobody reads is dropped.
                let _ = says.try_send(line);
            }
        });
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says something");
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            let ended = child.wait();
            let said: Vec<String> = said.iter().collect();
            panic!("the shop does not open: {ended:?}: {line}{}", said.join("\n"));
        };
        Shop {
            address: address.to_owned(),
            child,
            said,
        }
    }

    /// Waits until it stands still there.
    pub(crate) fn stopped_at(&self, point: &str) {
        let (begun, stopped) = (Instant::now(), format!("stopped at {point}"));
        let mut said = Vec::new();
        loop {
            match self.said.recv_timeout(SOON.saturating_sub(begun.elapsed())) {
                Ok(line) if line == stopped => return,
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("the shop is never at {point}: {}", said.join("\n")),
                Err(RecvTimeoutError::Disconnected) => panic!("the shop has ended before {point}: {}", said.join("\n")),
            }
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks a method that changes nothing, until it answers.
    pub(crate) fn ask(&self, method: &str) -> Value {
        let begun = Instant::now();
        loop {
            match post(&self.address, method, None, "{}") {
                Ok((200, answer)) => return answer,
                other => assert!(begun.elapsed() < SOON, "{method}: {other:?}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.try_iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of a request, or why there is no answer.
pub(crate) fn post(address: &str, method: &str, key: Option<&str>, body: &str) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    write!(
        stream,
        "POST /{method} HTTP/1.1\r\nhost: {address}\r\n{key}content-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::other(format!("half an answer: {answer}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).map_err(|_| broken())?;
    Ok((status.ok_or_else(broken)?, body))
}
