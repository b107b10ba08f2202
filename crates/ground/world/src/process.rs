//! Other programs of this machine, as children of a node.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::network::BoxFuture;

/// Bytes of one line that a child writes; a longer one is given in parts.
pub const LINE_BYTES_MAX: usize = 8 << 10;

/// A program to be started. What is in its environment may be secret, so it is not shown.
#[derive(Clone, Default)]
pub struct Program {
    /// The program's name or path, and its arguments.
    pub command: Vec<String>,
    /// The folder it is started in. Default: that of this process.
    pub folder: Option<PathBuf>,
    /// Variables beside those of this process.
    pub environment: Vec<(String, String)>,
    /// Which of this process's variables it does not get.
    pub kept_from: KeptFrom,
}

/// Variables that a child does not get.
#[derive(Clone, Debug, Default)]
pub struct KeptFrom {
    /// Each of them.
    pub names: BTreeSet<String>,
    /// How the names of further ones begin.
    pub prefix: Option<String>,
}

impl KeptFrom {
    /// Whether a child does not get the variable.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
            || self
                .prefix
                .as_ref()
                .is_some_and(|prefix| name.starts_with(prefix.as_str()))
    }
}

/// What gets each line that a child writes, on standard output or standard error.
pub type Said = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts programs.
pub trait Processes: Send + Sync {
    /// Starts `program`. Its standard input is empty and ends with this process, however that ends: a child that must
    /// not outlive its parent waits for that. Signals of a terminal do not reach it.
    fn start(&self, program: &Program, said: Said) -> io::Result<Box<dyn Process>>;
}

/// A child. It is killed when this is dropped.
pub trait Process: Send + Sync {
    /// Waits until it has ended, and says how: `exit status: 1`. Dropping the future loses nothing.
    fn ended(&mut self) -> BoxFuture<'_, io::Result<String>>;

    /// Asks it to end, by SIGTERM; where there are no signals, kills it.
    fn ask_to_end(&mut self);

    /// Kills it, and what it has started.
    fn kill(&mut self);
}

/// Stands where a world has no programs.
pub(crate) struct NoProcesses {
    pub(crate) why: String,
}

impl Processes for NoProcesses {
    fn start(&self, _: &Program, _: Said) -> io::Result<Box<dyn Process>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, self.why.clone()))
    }
}
