//! The command `simulate`, as a person runs it.
