//! Two components: in one process, or over the wire. Run: cargo run -p hello
fn main() {}
