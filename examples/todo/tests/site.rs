//! What the pages and the API promise, asked without a socket.

#[path = "site/api.rs"]
mod api;
#[path = "site/description.rs"]
mod description;
#[path = "site/pages.rs"]
mod pages;
#[path = "site/visit.rs"]
mod visit;
