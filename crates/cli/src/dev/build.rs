//! [`Build`]: cargo at work, and what has come of it.

use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use world::Env;

use crate::command_line::Dev;

/// Cargo at work. What it tells people goes to standard error at once.
pub(super) struct Build {
    cargo: Child,
    /// The programs it has built so far, of which the last word comes when it ends.
    programs: Pin<Box<dyn Future<Output = Vec<PathBuf>>>>,
    found: Option<Vec<PathBuf>>,
}

/// What has come of it.
pub(super) enum Built {
    /// The one program.
    Program(PathBuf),
    /// None or several, by name.
    Programs(Vec<String>),
    /// Cargo has said why.
    Failed,
}

impl Build {
    pub(super) fn start(env: &Env, asked: &Dev) -> Result<Build, Box<dyn Error>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        // Its errors are for people, the rest is for this program.
        command.args(["build", "--message-format=json-render-diagnostics"]);
        command.args(asked.release.then_some("--release"));
        if let Some(bin) = &asked.bin {
            command.args(["--bin", bin]);
        }
        // Cargo has set them if this program was started by it; build scripts that read them would run again (ring's: 20 s).
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&variable);
            }
        }
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut cargo = spawned
            .map_err(|error| format!("cargo cannot be started: {error}; install Rust from https://rustup.rs"))?;
        let out = cargo.stdout.take().ok_or("cargo has no output")?;
        // It would stop in the midst of its work if nobody read this.
        let reading = env.blocking("cargo", move || programs(out));
        Ok(Build {
            cargo,
            programs: Box::pin(async move { reading.await.unwrap_or_default() }),
            found: None,
        })
    }

    /// What has come of it, once it is over.
    pub(super) fn ended(&mut self) -> std::io::Result<Option<Built>> {
        if self.found.is_none() {
            match self.programs.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(found) => self.found = Some(found),
                Poll::Pending => return Ok(None),
            }
        }
        let Some(status) = self.cargo.try_wait()? else {
            return Ok(None);
        };
        let mut found = self.found.take().unwrap_or_default();
        Ok(Some(match (status.success(), found.pop()) {
            (false, _) => Built::Failed,
            (true, Some(only)) if found.is_empty() => Built::Program(only),
            (true, last) => {
                let name = |path: PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
                Built::Programs(found.into_iter().chain(last).filter_map(name).collect())
            }
        }))
    }

    /// Ends it: nobody waits for it any more.
    pub(super) fn give_up(mut self) {
        // It may have ended meanwhile.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}

/// The programs that cargo names, one line of JSON for each thing it has built (The Cargo Book, External tools).
fn programs(out: impl Read) -> Vec<PathBuf> {
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    let said = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    said.filter_map(|said| said["executable"].as_str().map(PathBuf::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::programs;

    #[test]
    fn programs_are_found_among_what_cargo_says() {
        let said = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"]},"executable":null}"#,
            "\nnot JSON\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"]},"executable":"/target/debug/my shop"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n",
        );
        assert_eq!(
            programs(said.as_bytes()),
            [std::path::Path::new("/target/debug/my shop")]
        );
    }
}
