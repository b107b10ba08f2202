//! Why a command failed, and how that is told.

use std::error::Error;
use std::fmt;
use std::io;

use crate::console::Console;

/// Why a command failed: any error, or a text.
pub struct CommandError(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for CommandError {
    fn from(error: E) -> CommandError {
        CommandError(error.into())
    }
}

impl CommandError {
    /// Tells what happened, and answers the exit status.
    pub(crate) fn report(&self, console: &Console) -> u8 {
        if self.is_broken_pipe() {
            // Whoever read the output has had enough, as `head` does.
            return 0;
        }
        let mut told = shown(self.0.to_string());
        let mut text = format!("error: {}\n", told.replace('\n', "\nerror: "));
        let mut source = self.0.source();
        while let Some(cause) = source {
            let words = shown(cause.to_string());
            // Some errors repeat their cause in their own words.
            if !told.contains(&words) {
                text.push_str(&format!("  caused by: {}\n", words.replace('\n', "\n             ")));
            }
            told = words;
            source = cause.source();
        }
        console.note(&text);
        1
    }

    fn is_broken_pipe(&self) -> bool {
        let error = self.0.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// A message may quote a peer, whose control characters must not reach the terminal.
fn shown(message: String) -> String {
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

impl fmt::Debug for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_a_peer_says_cannot_command_the_terminal() {
        assert_eq!(
            shown("denied: \u{1b}]0;mine\u{7}\r\u{9b}2J é\nb".to_owned()),
            "denied: \\u{1b}]0;mine\\u{7}\\r\\u{9b}2J é\nb"
        );
    }
}
