//! The web tier: HTTP and HTTPS, sessions, forms, templates, static files.
//!
//! # The life of a request
//!
//! ```text
//! accept ─ counted per peer ─ TLS ─ HTTP/1.1 or HTTP/2                server.rs, connection.rs
//!   identify   the id of the request, its Call                        request_id.rs, call.rs
//!   check      is it plain which host is asked?                       host.rs
//!   health     /healthz, /readyz                                      service.rs
//!   admit      not too many handlers at once                          service.rs
//!   run        the router; its body, its time, its panics             service.rs, body.rs
//!   finish     Date, security headers, the id                         headers.rs
//!   sent       the answer's body, then one line in the log            record.rs
//! ```
//!
//! What hyper cannot read is refused by `watched.rs`, which also sees that no head takes too long. Every refusal is
//! problem+json and says the next step: `refusal.rs`.
//!
//! # What a site is built with
//!
//! | | |
//! |---|---|
//! | [`Json`], [`Query`], [`Form`], [`Path`], [`Problem`] | what a request brings, and why it is not taken |
//! | [`Sessions`] | who uses a browser, in a signed cookie; the tokens of forms |
//! | [`Templates`], [`redirect`] | pages, and from one to the next |
//! | [`Files`] | what is sent as it is, from the program or from a folder |
//! | [`Events`], [`compressed`] | answers that go on, and smaller ones |
//! | [`reloading`] | pages that load themselves anew, while they are written |
//!
//! # Assumed world
//!
//! | | |
//! |---|---|
//! | peers | hostile: every byte, size, time and number of theirs has a limit in [`Config`] |
//! | clock | `Date` and the ends of certificates are as right as the node's wall clock |
//! | disk | a development certificate and the key of sessions are kept there |
//!
//! Promised: an answer about a limit reaches a peer that is still sending; a panic of a handler ends its request and nothing
//! else; a drain loses no request that its time allows to finish; no query, header or body is ever logged.
//!
//! By HTTP/1, `Transfer-Encoding` wins over `Content-Length`, which no handler then sees, and a lone LF ends a line in a head
//! but in no chunk: both as RFC 9112 allows (6.3, 2.2). Behind a proxy, one that refuses both is the better one.

mod body;
mod call;
mod compress;
mod config;
mod connection;
mod cookie;
mod csrf;
mod events;
mod extract;
mod files;
mod form;
mod forwarded;
mod headers;
mod host;
mod json;
mod kept;
mod local;
mod peer;
mod problem;
mod query;
mod record;
mod redirect;
mod refusal;
mod reload;
mod request_id;
mod server;
mod service;
mod session;
mod template;
mod tls;
mod watched;

pub use crate::call::Call;
pub use crate::compress::compressed;
pub use crate::config::Config;
pub use crate::events::{Event, EventSender, Events, NoListener};
pub use crate::files::{File, Files};
pub use crate::form::Form;
pub use crate::json::Json;
pub use crate::local::{is_local, redirect};
pub use crate::problem::Problem;
pub use crate::query::{Path, Query};
pub use crate::redirect::redirect_to_https;
pub use crate::reload::reloading;
pub use crate::server::{Handle, Web, serve};
pub use crate::session::{
    ACCOUNT_BYTES_MAX, DATA_BYTES_MAX, SESSION_LIFE, Session, SessionData, SessionDataError, Sessions,
};
pub use crate::template::{Html, TemplateError, Templates};
pub use crate::tls::{Tls, TlsError};
