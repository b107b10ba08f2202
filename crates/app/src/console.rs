//! Where a program writes: data to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// The two places a program writes to.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    error: Mutex<Box<dyn Write + Send>>,
}

impl Console {
    /// Those of this process.
    pub fn process() -> Console {
        Console::new(io::stdout(), io::stderr())
    }

    /// Any others, for a test.
    pub fn new(out: impl Write + Send + 'static, error: impl Write + Send + 'static) -> Console {
        Console {
            out: Mutex::new(Box::new(out)),
            error: Mutex::new(Box::new(error)),
        }
    }

    /// Writes a line of data: as text, or as JSON. Whoever reads it may be gone, which is an error and no panic.
    pub(crate) fn line<T: Display + Serialize + ?Sized>(&self, value: &T, json: bool) -> io::Result<()> {
        let text = if json {
            serde_json::to_string(value)?
        } else {
            plain(value.to_string())
        };
        self.text(&format!("{text}\n"))
    }

    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// [`Console::text`] of what also has an exit status, which counts though whoever reads the text has had enough.
    pub(crate) fn verdict(&self, text: &str) -> io::Result<()> {
        match self.text(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes to the people's side. There is nobody to tell if that fails.
    pub(crate) fn note(&self, text: &str) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
    }
}

/// A text may quote a peer or what is stored, whose control characters must not reach the terminal.
pub(crate) fn plain(message: String) -> String {
    let odd = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !message.contains(odd) {
        return message;
    }
    let mut shown = String::with_capacity(message.len());
    for character in message.chars() {
        if odd(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_a_peer_says_cannot_command_the_terminal() {
        assert_eq!(
            plain("denied: \u{1b}]0;mine\u{7}\r\u{9b}2J é\nb".to_owned()),
            "denied: \\u{1b}]0;mine\\u{7}\\r\\u{9b}2J é\nb"
        );
    }
}
