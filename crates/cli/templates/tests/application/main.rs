//! The application from outside: its component in every placement, and its pages.
#![cfg(not(feature = "simulate"))]

mod fixture;
mod pages;
mod placements;
