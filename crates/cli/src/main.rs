//! `terrace new NAME` begins an application, and `terrace dev` runs it while it is written.
//!
//! Data goes to standard output, everything else to standard error. Status 0 is success, 1 an error, 2 a wrong command
//! line, 130 a second Ctrl-C.

mod command_line;
mod dev;
mod machine;
mod name;
mod new;
mod source;
mod template;

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use crate::command_line::Asked;

fn main() -> ExitCode {
    let done = match command_line::read() {
        Asked::New(new) => new::run(&new),
        Asked::Dev(dev) => dev::run(dev),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            machine::note(&format!("error: {}", chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A `String` takes all that is written.
        let _ = write!(said, ": {error}");
        cause = error.source();
    }
    said
}
