//! Every limit of a child's life, by name and unit.

use std::time::Duration;

/// Time for a program that was started to answer.
pub const READY_MAX: Duration = Duration::from_secs(10);

/// How often a program that has never answered is started before it is given up.
pub const FIRST_LIVES: u32 = 3;

/// How often it is asked meanwhile.
pub const READY_EVERY: Duration = Duration::from_millis(20);

/// Wait before a program that ended is started again; it doubles with each further time.
pub const WAIT_FIRST: Duration = Duration::from_millis(100);

/// The wait grows no further than this.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// A program that answered for this long begins with the first wait again.
pub const STEADY: Duration = Duration::from_secs(10);

/// Time for a program to end after it was asked to; then it is killed.
pub const STOP_MAX: Duration = Duration::from_secs(5);

/// Characters of its last line that an error tells.
pub const LAST_LINE_CHARS_MAX: usize = 500;

const _: () = assert!(WAIT_FIRST.as_nanos() <= WAIT_MAX.as_nanos());
