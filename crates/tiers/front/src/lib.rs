//! The web tier: HTTP and HTTPS, sessions, forms, templates, static files.
