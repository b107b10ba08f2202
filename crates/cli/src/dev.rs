//! `terrace dev`: builds the application in this folder and runs it, again after each change.
//!
//! ```text
//! every 200 ms   what has changed?                                  dev/watched.rs
//!   code         cargo builds, while the program before runs on     dev/build.rs
//!                … and did not: its errors are shown, nothing else changes
//!                … and did: the program is ended, and the new one started
//!   the rest     the program is ended and started                   dev/program.rs
//! ```
//!
//! The program is started with `front.reload`, by which its pages load themselves anew after each start, and with
//! `front.templates`, by which they show the templates of the folder.
//!
//! Where this process is killed with SIGKILL, its program runs on; where its terminal closes, it is ended as by Ctrl-C.

mod build;
mod program;
mod watched;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use world::production::shutdown_signal;
use world::{Env, First, first};

use self::build::{Build, Built};
use self::program::Program;
use self::watched::Watched;
use crate::command_line::Dev;
use crate::machine::note;

/// How often files are looked at. That takes a few milliseconds for a thousand of them, and needs no crate that knows how
/// each system tells of changes.
const TICK: Duration = Duration::from_millis(200);

/// What is code: its change needs a build.
const CODE: &[&str] = &["Cargo.toml", "build.rs", "migrations", "src", "static"];

/// What the program reads when it starts, or later.
const READ: &[&str] = &["templates", "terrace.toml"];

/// The exit status after a second Ctrl-C: 128 and the number of SIGINT.
const ENDED_AT_ONCE: u8 = 130;

/// An application that is being written.
struct Bench {
    env: Env,
    asked: Dev,
    code: Watched,
    read: Watched,
    /// Whether code has changed since the last build began.
    is_stale: bool,
    build: Option<Build>,
    /// What was built last.
    executable: Option<PathBuf>,
    program: Option<Program>,
}

pub(crate) fn run(asked: Dev) -> Result<u8, Box<dyn Error>> {
    if !Path::new("Cargo.toml").is_file() {
        return Err(
            "there is no Cargo.toml here; go to the folder of an application, or make one: `terrace new shopping`"
                .into(),
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(develop(asked));
    // A build that was given up may still be read from.
    runtime.shutdown_background();
    ended
}

async fn develop(asked: Dev) -> Result<u8, Box<dyn Error>> {
    let env = Env::production("dev");
    let mut signal = heard();
    for path in asked.watch.iter().filter(|path| !path.exists()) {
        note(&format!(
            "{} is not there; it is watched for when it comes",
            path.display()
        ));
    }
    let watch = asked.watch.iter().cloned();
    let mut bench = Bench {
        code: Watched::new(CODE.iter().map(PathBuf::from).chain(watch)),
        read: Watched::new(READ.iter().map(PathBuf::from)),
        is_stale: true,
        build: None,
        executable: None,
        program: None,
        env: env.clone(),
        asked,
    };
    loop {
        // Also while a program takes its time to end, which is killed then.
        let step = async {
            bench.step().await?;
            env.sleep(TICK).await;
            Ok::<(), Box<dyn Error>>(())
        };
        match first(signal.as_mut(), step).await {
            First::One(asked) => {
                asked?;
                break;
            }
            First::Other(stepped) => stepped?,
        }
    }
    if let Some(build) = bench.build.take() {
        build.give_up();
    }
    let Some(program) = bench.program.take() else {
        return Ok(0);
    };
    // A second Ctrl-C does not wait.
    let mut again = heard();
    let mut ending = Box::pin(program.end(&env));
    loop {
        if env.timeout(TICK, ending.as_mut()).await.is_ok() {
            return Ok(0);
        }
        if env.timeout(Duration::ZERO, again.as_mut()).await.is_ok() {
            // Dropping it kills the program.
            return Ok(ENDED_AT_ONCE);
        }
    }
}

/// Ready at the next Ctrl-C, SIGTERM or SIGHUP, which ends this process by itself no more.
fn heard() -> Pin<Box<impl Future<Output = std::io::Result<()>>>> {
    let mut signal = Box::pin(shutdown_signal());
    // It listens from its first poll on.
    let _ = signal.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    signal
}

impl Bench {
    /// Does what has become due.
    async fn step(&mut self) -> Result<(), Box<dyn Error>> {
        let mut is_due = false;
        if let Some(path) = self.code.changed() {
            note(&format!("{} has changed: building", path.display()));
            self.is_stale = true;
        }
        if let Some(path) = self.read.changed() {
            note(&format!("{} has changed", path.display()));
            is_due = true;
        }
        if let Some(build) = &mut self.build {
            match build.ended()? {
                None => {}
                Some(built) => {
                    self.build = None;
                    is_due |= self.take(built);
                }
            }
        }
        if self.is_stale && self.build.is_none() {
            self.build = Some(Build::start(&self.env, &self.asked)?);
            self.is_stale = false;
        }
        if is_due {
            self.restart().await;
        }
        if let Some(status) = self.program.as_mut().and_then(Program::ended) {
            note(&format!(
                "the program has ended by itself: {status}; it is started again after a change"
            ));
            self.program = None;
        }
        Ok(())
    }

    /// Whether there is a new program.
    fn take(&mut self, built: Built) -> bool {
        match built {
            Built::Program(executable) => {
                self.executable = Some(executable);
                return true;
            }
            Built::Failed if self.program.is_some() => note("the build failed; the program from before runs on"),
            Built::Failed => note("the build failed; it is tried again after a change"),
            Built::Programs(names) if names.is_empty() => note("there is no program in this package; add src/main.rs"),
            Built::Programs(names) => {
                let names = names.join(", ");
                note(&format!(
                    "this package has several programs; say which by --bin: {names}"
                ));
            }
        }
        false
    }

    async fn restart(&mut self) {
        let Some(executable) = &self.executable else {
            return;
        };
        if let Some(program) = self.program.take() {
            program.end(&self.env).await;
        }
        if !executable.exists() {
            note("the program is gone: building");
            self.is_stale = true;
            return;
        }
        match Program::start(executable, &self.asked.arguments) {
            Ok(program) => self.program = Some(program),
            Err(error) => note(&format!("{error}; it is started again after a change")),
        }
    }
}
