//! A PostgreSQL server of its own.

use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::folder::Folder;
use crate::postgres::programs::Programs;
use crate::{Error, port, process};

mod programs;
mod questions;
mod template;

/// A start replays what a killed server left in its log; that, on a machine that does much else.
const START_MAX: Duration = Duration::from_secs(60);
/// A fast stop writes everything to disk first.
const STOP_MAX: Duration = Duration::from_secs(60);
/// Killed processes end at once, but for one that waits for the disk.
const KILL_MAX: Duration = Duration::from_secs(20);
/// How often another port is drawn where somebody took the first between looking and listening.
const PORTS_MAX: usize = 5;
/// What PostgreSQL says about a taken port.
const PORT_TAKEN: &str = "could not create any TCP/IP sockets";

/// The superuser of every server of this crate.
const SUPERUSER: &str = "terrace";
const PROCESS_FILE: &str = "data/postmaster.pid";

/// How a server differs from PostgreSQL as it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether a commit waits for the disk. Without, a suite is faster; what is committed still outlives a killed
    /// server, only not a machine without power.
    pub fsync: bool,
    /// Settings of `postgresql.conf`, each with its value.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    /// Durable, as in production.
    fn default() -> Self {
        Self {
            fsync: true,
            settings: Vec::new(),
        }
    }
}

/// A PostgreSQL server of its own, on a port of 127.0.0.1, with a superuser and a password.
///
/// TCP connections show a password (SCRAM-SHA-256), so that tests can show that a wrong one is refused.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    password: String,
    port: u16,
    options: Options,
    server: Mutex<Option<Child>>,
    // Last: it goes when the server is gone.
    folder: Folder,
}

impl Postgres {
    /// Starts a durable server and waits until it takes connections.
    ///
    /// # Errors
    /// Where PostgreSQL is not installed or does not start; the error shows what it said.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Options::default())
    }

    /// Starts a server with `options` and waits until it takes connections.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_with(options: Options) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let folder = Folder::fresh("postgres", PROCESS_FILE)?;
        programs.give(folder.path())?;
        let password = template::copy(&programs, folder.path())?;
        let mut this = Self {
            programs,
            password,
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

    /// The one server that all of this process share; it is started by the first who asks, without `fsync`.
    ///
    /// It ends with the process.
    ///
    /// # Panics
    /// Where it cannot be started, with the reason.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            let options = Options {
                fsync: false,
                ..Options::default()
            };
            Self::start_with(options).unwrap_or_else(|error| panic!("the shared PostgreSQL did not start: {error}"))
        })
    }

    /// The port it listens on, the same after [`Postgres::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of the superuser.
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// The superuser's password. It has letters and digits only.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The superuser's address of `database`, with the password.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, &self.password, database)
    }

    /// The address of `database` for `user`. Neither name nor password may need escapes in an address.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the stopped or killed server again, on the same folder and port, and waits until it takes connections.
    ///
    /// # Errors
    /// As [`Postgres::start`], and where it runs.
    pub fn start_again(&self) -> Result<(), Error> {
        let mut server = self.server();
        if server.is_some() {
            return Err(self.wrong_state("running", "stop() or kill() it first"));
        }
        let log = self.folder.path().join("log");
        let open = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let log_file = open.map_err(Error::refused("open", &log))?;
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.folder.path().join("data"));
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(Error::refused("start", self.programs.folder()))?;
        let child = server.insert(child);
        let mut ended = false;
        let came = process::wait_until(START_MAX, || {
            ended = process::ended(child);
            ended || self.is_ready(child.id())
        });
        if came && !ended {
            return Ok(());
        }
        let log = process::tail(&log);
        if ended {
            *server = None;
            let server = self.name();
            return Err(Error::Ended { server, log });
        }
        drop(server);
        self.kill()?;
        Err(Error::Late {
            server: self.name(),
            state: "ready",
            waited: START_MAX,
            log,
        })
    }

    /// Stops the server: running transactions are rolled back, everything is written to disk (a fast shutdown).
    ///
    /// # Errors
    /// Where it does not run, or does not end in time; then it is killed.
    pub fn stop(&self) -> Result<(), Error> {
        self.end("INT", STOP_MAX)
    }

    /// Kills the server and all of its processes at one moment, as when the machine loses its power, but for the disk.
    ///
    /// # Errors
    /// Where it does not run, or a process does not end.
    pub fn kill(&self) -> Result<(), Error> {
        let mut server = self.server();
        let child = server.as_mut().ok_or_else(|| self.stopped())?;
        // Halted, it neither starts another process nor tidies up after the first that is killed.
        process::signal("STOP", &[child.id()]);
        let mut all = process::children(child.id());
        all.push(child.id());
        process::signal("KILL", &all);
        let all_ended = process::wait_until(KILL_MAX, || {
            // Reaped first: until then it counts as running.
            let server_ended = process::ended(child);
            server_ended && !all.iter().any(|process| process::runs(*process))
        });
        *server = None;
        if all_ended {
            Ok(())
        } else {
            Err(self.late("killed", KILL_MAX))
        }
    }

    /// Halts the server and all of its processes where they are: connections stay open and nobody answers.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn pause(&self) -> Result<(), Error> {
        let id = self.id()?;
        // The one that starts the others first.
        process::signal("STOP", &[id]);
        process::signal("STOP", &process::children(id));
        Ok(())
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn resume(&self) -> Result<(), Error> {
        let id = self.id()?;
        process::signal("CONT", &process::children(id));
        process::signal("CONT", &[id]);
        Ok(())
    }

    fn end(&self, signal: &str, time: Duration) -> Result<(), Error> {
        let id = self.id()?;
        process::signal(signal, &[id]);
        // A paused server gets the signal when it goes on.
        self.resume()?;
        let ended = process::wait_until(time, || self.server().as_mut().is_none_or(process::ended));
        if ended {
            *self.server() = None;
            return Ok(());
        }
        let late = self.late("stopped", time);
        self.kill()?;
        Err(late)
    }

    fn settings(&self) -> Vec<(String, String)> {
        let on = |yes: bool| if yes { "on" } else { "off" }.to_string();
        let folder = self.folder.path().display().to_string();
        let mut settings = vec![
            ("listen_addresses".to_string(), "127.0.0.1".to_string()),
            ("port".to_string(), self.port.to_string()),
            ("unix_socket_directories".to_string(), folder),
            // Files in the folder, so that a killed server leaves nothing in /dev/shm.
            ("dynamic_shared_memory_type".to_string(), "mmap".to_string()),
            ("fsync".to_string(), on(self.options.fsync)),
        ];
        if !self.options.fsync {
            settings.push(("full_page_writes".to_string(), on(false)));
        }
        settings.extend(self.options.settings.iter().cloned());
        settings
    }

    /// Whether the process `id` has said that it takes connections. `postmaster.pid` has the id in line 1 and the state
    /// in line 8 (`src/include/utils/pidfile.h`).
    fn is_ready(&self, id: u32) -> bool {
        let text = std::fs::read_to_string(self.folder.path().join(PROCESS_FILE)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.first() == Some(&id.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }

    fn id(&self) -> Result<u32, Error> {
        self.server().as_ref().map(Child::id).ok_or_else(|| self.stopped())
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        format!("PostgreSQL on 127.0.0.1:{}", self.port)
    }

    fn stopped(&self) -> Error {
        self.wrong_state("stopped", "start_again() first")
    }

    fn wrong_state(&self, state: &'static str, next: &'static str) -> Error {
        Error::State {
            server: self.name(),
            state,
            next,
        }
    }

    fn late(&self, state: &'static str, waited: Duration) -> Error {
        Error::Late {
            server: self.name(),
            state,
            waited,
            log: process::tail(&self.folder.path().join("log")),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server().is_some() {
            // An immediate shutdown; where it fails, `end` killed the server, and the keeper looks again.
            let _ = self.end("QUIT", KILL_MAX);
        }
    }
}
