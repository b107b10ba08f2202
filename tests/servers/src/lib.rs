//! Real servers for tests and benches, started on free ports.
