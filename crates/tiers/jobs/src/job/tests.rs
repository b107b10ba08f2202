//! The life of jobs, without a database.
