//! Where a component runs does not change what a call of it means: one suite in every placement, generated programs,
//! two versions of one component, killed servers, dead peers.

#![allow(
    clippy::disallowed_methods,
    reason = "a test binds the sockets that it gives to `serve`, and watches real processes"
)]
#![allow(unreachable_pub, reason = "components are `pub`, as a user writes them")]

mod border;
mod calls;
mod deadlines;
mod generated;
mod kill;
mod placement;
mod suite;
mod versions;
