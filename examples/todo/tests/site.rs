//! What the pages and the API promise, asked without a socket.
#![expect(
    clippy::disallowed_methods,
    reason = "a test plays servers that the application asks"
)]

#[path = "site/api.rs"]
mod api;
#[path = "site/description.rs"]
mod description;
#[path = "site/facebook.rs"]
mod facebook;
#[path = "site/pages.rs"]
mod pages;
#[path = "program/played.rs"]
mod played;
#[path = "site/sources.rs"]
mod sources;
#[path = "site/visit.rs"]
mod visit;
