//! Why a server did not start, or did not do as asked.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a server did not start, or did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not on this machine.
    #[error("there is no `{program}` in PATH{also}; install the Debian package {package}, or run ./test, which does")]
    Missing {
        /// The program's name.
        program: &'static str,
        /// Where else it was looked for.
        also: &'static str,
        /// What brings it.
        package: &'static str,
    },
    /// A program ended with an error.
    #[error("`{command}` ended with {status}: {said}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// What it said.
        said: String,
    },
    /// A server ended while it was starting.
    #[error("{server} ended while it was starting; the end of its log:\n{log}")]
    Ended {
        /// The server.
        server: String,
        /// The end of its log.
        log: String,
    },
    /// A server did not come to where it should within its time.
    #[error("{server} was not {state} after {waited:?}; the end of its log:\n{log}")]
    Late {
        /// The server.
        server: String,
        /// Where it should have come to.
        state: &'static str,
        /// How long it had.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// The server is stopped and the call needs it running, or the other way round.
    #[error("{server} is {state}; {next}")]
    State {
        /// The server.
        server: String,
        /// Its state.
        state: &'static str,
        /// What to do first.
        next: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No free port was found.
    #[error("no free port on 127.0.0.1 in {tries} tries between {first} and {last}")]
    NoPort {
        /// How many ports were tried.
        tries: u32,
        /// The first port of the range.
        first: u16,
        /// The last port of the range.
        last: u16,
    },
}

impl Error {
    /// Makes an [`Error::Refused`] of what the operating system said, for `map_err`.
    pub(crate) fn refused(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Refused { doing, path, source }
    }
}
