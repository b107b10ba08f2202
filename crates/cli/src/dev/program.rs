//! [`Program`]: the application, running.

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use world::Env;

/// How long the program may take to end when it is asked to: longer than it takes to drain, and then its own programs.
const END_MAX: Duration = Duration::from_secs(15);

/// How often it is looked whether it has.
const END_TICK: Duration = Duration::from_millis(10);

/// Where templates are, unless the environment says so already.
const TEMPLATES: &str = "templates";

/// The application, running. It is killed when it is dropped.
pub(super) struct Program {
    child: Child,
}

impl Program {
    pub(super) fn start(executable: &Path, arguments: &[OsString]) -> Result<Program, Box<dyn Error>> {
        let mut command = Command::new(executable);
        command.args(arguments).stdin(Stdio::null());
        // The configuration of the application, as its other variables are.
        command.env("TERRACE_FRONT__RELOAD", "true");
        let variable = "TERRACE_FRONT__TEMPLATES";
        if std::env::var_os(variable).is_none() && Path::new(TEMPLATES).is_dir() {
            command.env(variable, std::env::current_dir()?.join(TEMPLATES));
        }
        // A terminal sends Ctrl-C to the group in front; the program ends when it is asked by this one, and in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .map_err(|error| format!("`{}` cannot be started: {error}", executable.display()))?;
        Ok(Program { child })
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end, and kills it where it does not.
    pub(super) async fn end(mut self, env: &Env) {
        self.ask_to_end();
        let ended = async {
            while self.ended().is_none() {
                env.sleep(END_TICK).await;
            }
        };
        // What is left of it is killed when it is dropped.
        let _ = env.timeout(END_MAX, ended).await;
    }

    /// The standard library sends no other signal than SIGKILL, and calling the C library is `unsafe`.
    fn ask_to_end(&mut self) {
        let id = self.child.id().to_string();
        let asked = match self.ended() {
            Some(_) => return,
            None => Command::new("kill").args(["-TERM", &id]).status(),
        };
        if !asked.is_ok_and(|status| status.success()) {
            // It may have ended meanwhile.
            let _ = self.child.kill();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
