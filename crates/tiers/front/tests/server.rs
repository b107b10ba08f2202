//! The server, byte by byte: limits and times on virtual time, HTTP/2, TLS and drains on real sockets.

#[path = "server/head.rs"]
mod head;
#[path = "server/life.rs"]
mod life;
#[path = "server/peer.rs"]
mod peer;
