//! A mail server.
