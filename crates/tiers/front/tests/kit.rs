//! What a site is built with: each part asked as a browser asks, and as an attacker does.

#[path = "kit/ask.rs"]
mod ask;
#[path = "kit/extract.rs"]
mod extract;
#[path = "kit/problem.rs"]
mod problem;
#[path = "kit/session.rs"]
mod session;
