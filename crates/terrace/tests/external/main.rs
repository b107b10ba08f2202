//! A program in any language as a component: what it is sent, what is made of its answers, and what is known of a call that
//! it did not answer. The programs here play a script, on virtual time; the last one is our own face.
#![allow(unreachable_pub, reason = "components are `pub`, as a user writes them")]

mod answers;
mod doubts;
mod peer;
mod scene;
mod sent;
