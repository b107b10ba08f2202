//! What a site is built with: each part asked as a browser asks, and as an attacker does.

#[path = "kit/ask.rs"]
mod ask;
#[path = "kit/compress.rs"]
mod compress;
#[path = "kit/events.rs"]
mod events;
#[path = "kit/extract.rs"]
mod extract;
#[path = "kit/files.rs"]
mod files;
#[path = "kit/folder.rs"]
mod folder;
#[path = "kit/place.rs"]
mod place;
#[path = "kit/problem.rs"]
mod problem;
#[path = "kit/reload.rs"]
mod reload;
#[path = "kit/session.rs"]
mod session;
#[path = "kit/template.rs"]
mod template;
