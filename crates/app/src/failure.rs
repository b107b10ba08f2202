//! Why a command failed, and how that is told.

use std::error::Error;
use std::fmt;
use std::io;

use crate::console::{Console, plain};

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
        let mut told = plain(self.0.to_string());
        let mut text = format!("error: {}\n", told.replace('\n', "\nerror: "));
        let mut source = self.0.source();
        while let Some(cause) = source {
            let words = plain(cause.to_string());
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

    /// Whether a process was asked and did not answer in time.
    #[cfg(feature = "database")]
    pub(crate) fn is_late(&self) -> bool {
        use crate::operator::OperatorError;
        let error = self.0.downcast_ref::<OperatorError>();
        matches!(error, Some(OperatorError::Call(error)) if error.kind() == wire::CallErrorKind::DeadlineExceeded)
    }

    fn is_broken_pipe(&self) -> bool {
        let error = self.0.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
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
