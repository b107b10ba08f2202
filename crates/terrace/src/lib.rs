//! The one crate a user names.
