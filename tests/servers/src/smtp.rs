//! A mail server of its own, which fails on request.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cache::Cached;
use crate::folder::Folder;
use crate::{Error, port, process};

mod programs;

const PROGRAM: &str = include_str!("smtp.py");
/// Python starts in a quarter of a second; that, on a machine that does much else.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How often another port is drawn where somebody took the first between looking and listening.
const PORTS_MAX: usize = 5;
/// What Python says about a taken port.
const PORT_TAKEN: &str = "address already in use";

/// What a server asks of its clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// User and password that a client has to show (AUTH LOGIN or PLAIN).
    pub login: Option<(String, String)>,
    /// Whether a client has to turn to TLS first (STARTTLS). The certificate is good for `localhost` and `127.0.0.1`,
    /// where the client trusts [`Smtp::authority`].
    pub starttls: bool,
}

/// How a recipient is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// With 550: to try again is useless.
    ForGood,
    /// With 451: to try again later may help.
    ForNow,
}

/// A message that the server accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The sender, of the envelope; empty for the null sender.
    pub from: String,
    /// The recipients, of the envelope, in their order.
    pub to: Vec<String>,
    /// Everything between DATA and the final dot, which is not part of it; lines end in CR LF.
    pub data: Vec<u8>,
    /// When the server had it, in microseconds since 1970.
    pub accepted_unix_micros: u64,
}

/// A mail server (aiosmtpd) on a port of 127.0.0.1. It takes mail for everybody and sends none on.
#[derive(Debug)]
pub struct Smtp {
    python: Cached,
    port: u16,
    options: Options,
    server: Mutex<Option<Running>>,
    // Last: it goes when the server is gone.
    folder: Folder,
}

#[derive(Debug)]
struct Running {
    child: Child,
    control: UnixStream,
}

impl Smtp {
    /// Starts a server that asks nothing of its clients, and waits until it takes connections.
    ///
    /// # Errors
    /// Where Python is not installed, where aiosmtpd cannot be fetched (the first time on a machine), and where the
    /// server does not start.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Options::default())
    }

    /// Starts a server with `options` and waits until it takes connections.
    ///
    /// # Errors
    /// As [`Smtp::start`], and where a certificate is wanted and OpenSSL is not installed.
    pub fn start_with(options: Options) -> Result<Self, Error> {
        let python = programs::python()?;
        let folder = Folder::fresh("smtp", "no process")?;
        if options.starttls {
            programs::certificate(folder.path())?;
        }
        let mut this = Self {
            python,
            port: port::free()?,
            options,
            server: Mutex::new(None),
            folder,
        };
        for _ in 1..PORTS_MAX {
            match this.start_again() {
                Err(Error::Ended { log, .. }) if log.contains(PORT_TAKEN) => this.port = port::free()?,
                other => return other.map(|()| this),
            }
        }
        this.start_again().map(|()| this)
    }

    /// Host and port, with a colon between.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on, the same after [`Smtp::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file, in PEM, with the authority that a client of a server with `starttls` has to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What the server has accepted so far, in its order, also before it was stopped.
    ///
    /// # Panics
    /// Where the server's files cannot be read.
    pub fn messages(&self) -> Vec<Received> {
        let entries = self.folder.path().read_dir();
        let entries = entries.unwrap_or_else(|error| panic!("cannot list {}: {error}", self.folder.path().display()));
        let mut envelopes: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "envelope"))
            .collect();
        envelopes.sort();
        envelopes
            .iter()
            .map(|envelope| received(envelope).unwrap_or_else(|error| panic!("{}: {error}", envelope.display())))
            .collect()
    }

    /// Ends the server at once: open connections are cut. Its messages stay; refusals and faults are forgotten.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn stop(&self) -> Result<(), Error> {
        let running = self.server().take();
        let mut running = running.ok_or_else(|| self.wrong_state("stopped", "start_again() first"))?;
        end(&mut running.child);
        Ok(())
    }

    /// Starts the stopped server again, on the same port and with its messages.
    ///
    /// # Errors
    /// As [`Smtp::start`], and where it runs.
    pub fn start_again(&self) -> Result<(), Error> {
        let mut server = self.server();
        if server.is_some() {
            return Err(self.wrong_state("running", "stop() it first"));
        }
        let folder = self.folder.path();
        let log = folder.join("log");
        let log_file = std::fs::File::create(&log).map_err(Error::refused("create", &log))?;
        let python = programs::program(self.python.path());
        let (control, theirs) = UnixStream::pair().map_err(Error::refused("make a socket for", &python))?;
        let wait = control.set_read_timeout(Some(ANSWER_MAX));
        wait.map_err(Error::refused("set the time of a socket for", &python))?;
        let (user, password) = self.options.login.clone().unwrap_or_default();
        let certificate = if self.options.starttls {
            folder.join("server.pem")
        } else {
            PathBuf::new()
        };
        let child = Command::new(&python)
            .args(["-I", "-c", PROGRAM])
            .arg(folder)
            .args([self.port.to_string(), user, password])
            .arg(certificate)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(log_file)
            .process_group(0)
            .spawn()
            .map_err(Error::refused("start", &python))?;
        let mut running = Running { child, control };
        if answer(&running.control).as_deref() == Some("ready") {
            *server = Some(running);
            return Ok(());
        }
        end(&mut running.child);
        let server = self.name();
        let log = process::tail(&log);
        Err(Error::Ended { server, log })
    }

    /// Refuses every message to `recipient` from now on.
    ///
    /// # Errors
    /// Where the server does not run.
    pub fn refuse_recipient(&self, recipient: &str, refusal: Refusal) -> Result<(), Error> {
        let code = match refusal {
            Refusal::ForGood => 550,
            Refusal::ForNow => 451,
        };
        self.order(&format!("refuse {code} {recipient}"))
    }

    /// Takes messages to `recipient` again.
    ///
    /// # Errors
    /// Where the server does not run.
    pub fn accept_recipient(&self, recipient: &str) -> Result<(), Error> {
        self.order(&format!("accept {recipient}"))
    }

    /// Does not answer after the next `count` messages, and does not store them; the connections stay open until the
    /// clients hang up. Zero ends it for later messages.
    ///
    /// # Errors
    /// Where the server does not run.
    pub fn hang_next_messages(&self, count: u32) -> Result<(), Error> {
        self.order(&format!("hang {count}"))
    }

    /// Stores the next `count` messages and then cuts the connection instead of answering 250. Zero ends it.
    ///
    /// # Errors
    /// Where the server does not run.
    pub fn lose_next_answers(&self, count: u32) -> Result<(), Error> {
        self.order(&format!("lose {count}"))
    }

    /// Gives the server a line, and waits until it has obeyed.
    fn order(&self, line: &str) -> Result<(), Error> {
        let mut server = self.server();
        let stopped = || self.wrong_state("stopped", "start_again() first");
        let running = server.as_mut().ok_or_else(stopped)?;
        let sent = running.control.write_all(format!("{line}\n").as_bytes());
        match sent.ok().and_then(|()| answer(&running.control)).as_deref() {
            Some("ok") => Ok(()),
            _ => Err(Error::Late {
                server: self.name(),
                state: "obeying an order",
                waited: ANSWER_MAX,
                log: process::tail(&self.folder.path().join("log")),
            }),
        }
    }

    fn server(&self) -> MutexGuard<'_, Option<Running>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        format!("the mail server on {}", self.address())
    }

    fn wrong_state(&self, state: &'static str, next: &'static str) -> Error {
        Error::State {
            server: self.name(),
            state,
            next,
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(mut running) = self.server().take() {
            end(&mut running.child);
        }
    }
}

/// The server's next line, if it comes in time. The server says nothing but answers, so nothing is read ahead and lost.
fn answer(control: &UnixStream) -> Option<String> {
    let mut line = String::new();
    BufReader::new(control).read_line(&mut line).ok()?;
    line.strip_suffix('\n').map(str::to_string)
}

fn end(child: &mut Child) {
    // Both fail only for a child that has ended.
    let _ = child.kill();
    let _ = child.wait();
}

fn received(envelope: &Path) -> Result<Received, Error> {
    let text = std::fs::read_to_string(envelope).map_err(Error::refused("read", envelope))?;
    let data = envelope.with_extension("data");
    let data = std::fs::read(&data).map_err(Error::refused("read", &data))?;
    let mut lines = text.lines().map(str::to_string);
    let time = lines.next().and_then(|line| line.parse().ok());
    Ok(Received {
        accepted_unix_micros: time.unwrap_or_default(),
        from: lines.next().unwrap_or_default(),
        to: lines.collect(),
        data,
    })
}
