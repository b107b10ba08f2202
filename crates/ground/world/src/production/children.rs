//! Children of this process, by tokio.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use super::Runtime;
use crate::network::BoxFuture;
use crate::process::{LINE_BYTES_MAX, Process, Processes, Program, Said};

/// Time to read what a child that has ended wrote last.
const LAST_LINES_MAX: Duration = Duration::from_millis(200);

pub(super) struct Children(pub(super) Runtime);

impl Processes for Children {
    fn start(&self, program: &Program, said: Said) -> io::Result<Box<dyn Process>> {
        let Some((name, arguments)) = program.command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"));
        };
        let runtime = self.0.handle();
        let _entered = runtime.enter();
        let mut command = Command::new(name);
        for (name, _) in std::env::vars_os() {
            if program.kept_from.contains(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &program.folder {
            command.current_dir(folder);
        }
        // A group of its own: Ctrl-C ends this process in order, which then ends its children.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        // Waiting for a child would close it.
        let input = child.stdin.take();
        let out = child.stdout.take().map(|out| runtime.spawn(lines(out, said.clone())));
        let errors = child.stderr.take().map(|out| runtime.spawn(lines(out, said)));
        Ok(Box::new(Running {
            group: child.id(),
            child,
            _input: input,
            readers: out.into_iter().chain(errors).collect(),
        }))
    }
}

struct Running {
    child: Child,
    /// The number of its group, until it was waited for.
    group: Option<u32>,
    _input: Option<ChildStdin>,
    /// Those that give its lines on.
    readers: Vec<JoinHandle<()>>,
}

impl Process for Running {
    fn ended(&mut self) -> BoxFuture<'_, io::Result<String>> {
        Box::pin(async move {
            let status = self.child.wait().await?;
            // What it has started and left behind, which would stand beside the next one.
            #[cfg(unix)]
            if let Some(group) = self.group.take() {
                signal::send(group, libc::SIGKILL);
            }
            // What it wrote last says most, and may not be read yet; what it has started may hold its output open.
            let read = async {
                while let Some(reader) = self.readers.last_mut() {
                    let _ = reader.await;
                    self.readers.pop();
                }
            };
            let _ = tokio::time::timeout(LAST_LINES_MAX, read).await;
            Ok(status.to_string())
        })
    }

    fn ask_to_end(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.child.id() {
            signal::send(id, libc::SIGTERM);
        }
        #[cfg(not(unix))]
        self.kill();
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.child.id() {
            signal::send(id, libc::SIGKILL);
        }
        // It may have ended already.
        let _ = self.child.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
mod signal {
    /// Sends a signal to the group of the child `id`, which has not been waited for before now, so that its number is nobody
    /// else's.
    #[expect(unsafe_code, reason = "the standard library sends a child no signal but SIGKILL")]
    pub(super) fn send(id: u32, signal: i32) {
        let Ok(id) = i32::try_from(id) else { return };
        // SAFETY: `kill` takes two numbers and touches no memory of ours.
        unsafe { libc::kill(-id, signal) };
    }
}

/// Gives each line of `out` to `said`, until the last who has it open has ended.
async fn lines(mut out: impl AsyncRead + Unpin, said: Said) {
    let mut read = BytesMut::with_capacity(LINE_BYTES_MAX);
    loop {
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line = read.split_to(end + 1);
            tell(&line[..end], &said);
        }
        if read.len() >= LINE_BYTES_MAX {
            tell(&read.split(), &said);
        }
        read.reserve(LINE_BYTES_MAX - read.len());
        match (&mut out)
            .take((LINE_BYTES_MAX - read.len()) as u64)
            .read_buf(&mut read)
            .await
        {
            Ok(bytes) if bytes > 0 => {}
            _ => break,
        }
    }
    if !read.is_empty() {
        tell(&read, &said);
    }
}

fn tell(line: &[u8], said: &Said) {
    said(String::from_utf8_lossy(line).trim_end_matches('\r'));
}
