//! The server, byte by byte: limits and times on virtual time, HTTP/2, TLS and drains on real sockets as well.

#[path = "server/body.rs"]
mod body;
#[path = "server/drain.rs"]
mod drain;
#[path = "server/head.rs"]
mod head;
#[path = "server/http2.rs"]
mod http2;
#[path = "server/kit.rs"]
mod kit;
#[path = "server/life.rs"]
mod life;
#[path = "server/log.rs"]
mod log;
#[path = "server/odd.rs"]
mod odd;
#[path = "server/peer.rs"]
mod peer;
#[path = "server/time.rs"]
mod time;
#[path = "server/tls.rs"]
mod tls;
