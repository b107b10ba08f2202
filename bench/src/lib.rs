//! Side-by-side measurements against peers.
//!
//! Every figure is made in one run, in which ours and the peers take turns; it is a median over the rounds, printed with
//! its spread, and compared only as a ratio. `./bench/run NAME` is the way in; the programs it starts are `call-local`,
//! `call-remote`, `database`, `newcomer`, `bench-todo` and, by the feature `simulate`, `simulate`; this library is what they
//! share.
//!
//! | module | what it is |
//! |---|---|
//! | [`options`] | the flags that every bench program takes |
//! | [`figure`] | a median with its spread |
//! | [`report`] | rows with goals; the table, the JSON and the page |
//! | [`usage`] | CPU seconds and peak memory, of this process or of its children |
//! | [`machine`] | what the figures were made on |
//!
//! It is not a place for assertions: no test and no `./test` run ever fails for being slow.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench writes its results, and reads what machine it runs on"
)]

pub mod figure;
pub mod machine;
pub mod options;
pub mod report;
pub mod usage;
