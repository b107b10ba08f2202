//! Placement, lifecycle and configuration of an application as data.
